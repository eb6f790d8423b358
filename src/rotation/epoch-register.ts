import { canonicalBytes } from '../base/canonical.ts'
import { PrivityError } from '../base/errors.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import type { ControllerKey } from '../keys/controller-key.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import { scanRows } from '../storage/scan-rows.ts'
import type { Key, Store } from '../storage/store.ts'

/**
 * What becomes of an epoch: it is in use; another one is; it is being destroyed, and nothing refers to it; its
 * provider has destroyed it, and its rows are gone; and that is certified.
 */
export type EpochState = 'current' | 'superseded' | 'retiring' | 'destroyed' | 'retired'

/** An epoch of the provider, as the store knows it. */
export interface EpochRecord {
  readonly epoch: number
  readonly state: EpochState
  /** When it came into this state, in milliseconds since 1970; 0 where nobody noted it. */
  readonly since: number
  readonly destruction?: EpochDestruction
}

/** How an epoch ended. */
export interface EpochDestruction {
  readonly id: string
  /** When its provider can no longer undo it; milliseconds since 1970. */
  readonly effectiveAt: number
  /** When its rows were deleted; milliseconds since 1970. */
  readonly at: number
  /** Wrapped keys of classes, and of the controller, that were deleted. */
  readonly rows: number
  /** How the provider answered when it was asked to open one of them once more. */
  readonly unwrap: 'key_unreadable' | 'key_unknown' | 'opened'
  readonly scanned: ScannedKeys
}

/** What was looked through, before an epoch was destroyed, for anything that still refers to it. */
export interface ScannedKeys {
  readonly people: number
  readonly personKeys: number
  readonly storedKeys: number
}

/** What reading the register needs. */
export interface RegisterDeps {
  readonly store: Store
  readonly keyspace: Keyspace
  readonly controller: Pick<ControllerKey, 'seal' | 'open'>
}

const VERSION = 1
const PAGE = 1_000

/** The register as a row says it; empty when there is none. */
export function openRegister(
  { keyspace, controller }: Pick<RegisterDeps, 'keyspace' | 'controller'>,
  sealed: Uint8Array | undefined,
): readonly EpochRecord[] {
  if (sealed === undefined) return []
  const json = parseCanonical(controller.open(keyspace.epochRegister, sealed)) as
    | { readonly v: number; readonly epochs: readonly EpochRecord[] }
    | undefined
  if (json?.v === VERSION) return json.epochs
  throw new PrivityError('unsupported_format', { what: 'epochs', version: json?.v ?? 0 })
}

/** The row of a register. */
export function sealRegister(
  { keyspace, controller }: Pick<RegisterDeps, 'keyspace' | 'controller'>,
  epochs: readonly EpochRecord[],
): readonly [Key, Uint8Array] {
  const sorted = [...epochs].sort((a, b) => a.epoch - b.epoch)
  const bytes = canonicalBytes({ v: VERSION, epochs: sorted.map((record) => ({ ...record })) })
  return [keyspace.epochRegister, controller.seal(keyspace.epochRegister, bytes)]
}

/** The register with one record in place of what it said of that epoch. */
export function withRecord(
  epochs: readonly EpochRecord[],
  record: EpochRecord,
): readonly EpochRecord[] {
  return [...epochs.filter(({ epoch }) => epoch !== record.epoch), record]
}

/** Every epoch that the store knows of, in order: also those of which there are only keys. */
export async function readEpochs(
  deps: RegisterDeps,
  current: number,
): Promise<readonly EpochRecord[]> {
  const { store, keyspace } = deps
  const [sealed] = await store.read([keyspace.epochRegister])
  const known = openRegister(deps, sealed)
  const met = new Set([current])
  for (const prefix of [keyspace.controllerKeys, keyspace.classKeys]) {
    for await (const [key] of scanRows(store, prefix, { page: PAGE }))
      met.add(Number.parseInt(key.slice(prefix.length), 16))
  }
  const others = [...met].filter((epoch) => !known.some((record) => record.epoch === epoch))
  const unnoted = others.map((epoch) => unnotedRecord(epoch, current))
  return [...known, ...unnoted].sort((a, b) => a.epoch - b.epoch)
}

/** An epoch that came into use before there was a register. */
function unnotedRecord(epoch: number, current: number): EpochRecord {
  return { epoch, state: epoch === current ? 'current' : 'superseded', since: 0 }
}
