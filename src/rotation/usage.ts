import type { ScannedKeys } from './epoch-register.ts'
import { findStoredKeys, type StoredKeyFamily } from './stored-keys.ts'
import { type WalkDeps, type WalkWatch, walkPeople } from './walk-people.ts'

/** What still needs an epoch. */
export interface KeyUsage {
  /** Its number, from 1. */
  readonly epoch: number
  /** It is the one that new keys are wrapped under, the controller's own among them. */
  readonly current: boolean
  /** People with keys under it. */
  readonly people: number
  /** Of those, the ones whose erasure was begun: it has to come to its end. */
  readonly erasing: number
  /** Keys of people under it. */
  readonly personKeys: number
  /** Keys of lookups and of pseudonyms under it. */
  readonly storedKeys: number
  /** Documents that cannot be read: whether they need it cannot be told. */
  readonly unreadable: number
  /** Keys that documents count on and the key store has not, of whatever epoch: they need none any more. */
  readonly lost: number
}

/** What looking for uses needs. */
export interface UsageDeps extends WalkDeps {
  /** As the catalogue says now. */
  families(): Promise<readonly StoredKeyFamily[]>
}

/** A usage, and how much was looked through for it. */
export interface UsageScan {
  readonly usage: KeyUsage
  readonly scanned: ScannedKeys
  /** People with keys under an epoch before it. */
  readonly behind: number
}

/** Looks at every person and every stored key; needs none of them opened. */
export async function scanUsage(
  deps: UsageDeps,
  { epoch, current }: { readonly epoch: number; readonly current: number },
  watch: WalkWatch,
): Promise<UsageScan> {
  const usage = { people: 0, erasing: 0, personKeys: 0, storedKeys: 0, unreadable: 0, lost: 0 }
  let behind = 0
  const scanned = { people: 0, personKeys: 0, storedKeys: 0 }
  for await (const people of walkPeople(deps, watch)) {
    for (const { ring, isFenced, lost } of people) {
      const held = (ring ?? []).filter((entry) => entry.epoch === epoch).length
      usage.people += held > 0 ? 1 : 0
      usage.erasing += held > 0 && isFenced ? 1 : 0
      usage.personKeys += held
      usage.unreadable += ring === undefined ? 1 : 0
      usage.lost += lost
      behind += ring?.some((entry) => entry.epoch < epoch) ? 1 : 0
      scanned.people += 1
      scanned.personKeys += ring?.length ?? 0
    }
  }
  for await (const found of findStoredKeys(deps.store, await deps.families())) {
    usage.storedKeys += found.epoch === epoch ? 1 : 0
    scanned.storedKeys += 1
  }
  return { usage: { epoch, current: epoch === current, ...usage }, scanned, behind }
}
