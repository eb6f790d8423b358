import { toHex } from '../../base/bytes.ts'
import { keysOfClass, type RingEntry } from '../../keys/key-ring.ts'
import type { KeyName } from '../../keys/key-list.ts'
import { fromHex } from '../../base/bytes.ts'
import type { RecordHead } from '../../subjects/head.ts'

/**
 * The keys of one class that are destroyed, once what stays is sealed under another. Both are in the ring while
 * that is under way, so that it can be done in batches.
 */
export interface Renewal {
  readonly accessClass: number
  /** Ids of the keys that go, in hexadecimal. */
  readonly old: readonly string[]
  /** Sections of this revision and later are sealed under a newer key; absent before there is one. */
  readonly since?: number
}

/** Whether none of the keys that go is in the ring any more. Pure. */
export function isRenewed(ring: readonly RingEntry[], renewal: Renewal): boolean {
  return oldEntries(ring, renewal).length === 0
}

/** Whether the ring has no key yet that takes their place. Pure. */
export function lacksNewer(ring: readonly RingEntry[], renewal: Renewal): boolean {
  return keysOfClass(ring, renewal.accessClass).length === oldEntries(ring, renewal).length
}

/** Whether a record has a section under a key that goes. Pure. */
export function isUnderOld(head: RecordHead, { accessClass, since }: Renewal): boolean {
  const [revision] = head.sections[String(accessClass)] ?? []
  return revision !== undefined && (since === undefined || revision < since)
}

/** Entries of the keys that go. Pure. */
export function oldEntries(
  ring: readonly RingEntry[],
  { accessClass, old }: Renewal,
): readonly RingEntry[] {
  return keysOfClass(ring, accessClass).filter(({ keyId }) => old.includes(toHex(keyId)))
}

/** Their names, as a key store knows them. Pure. */
export function oldNames({ accessClass, old }: Renewal): readonly KeyName[] {
  return old.map((id) => ({ accessClass, keyId: fromHex(id) ?? new Uint8Array(0) }))
}

/** The renewal of a class from the start: every key that it has goes, and those that were to go before. Pure. */
export function renewClass(
  ring: readonly RingEntry[],
  accessClass: number,
  before: readonly Renewal[],
): Renewal {
  const known = before.find((renewal) => renewal.accessClass === accessClass)?.old ?? []
  const held = keysOfClass(ring, accessClass).map(({ keyId }) => toHex(keyId))
  return { accessClass, old: [...new Set([...known, ...held])] }
}
