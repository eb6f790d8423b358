import { canonicalBytes } from '../base/canonical.ts'
import { PrivityError } from '../base/errors.ts'
import type { Clock } from '../base/time.ts'
import { afterConflicts } from '../base/tries.ts'
import type { EpochClass } from '../keys/epoch-class.ts'
import { createPersonKeys, type PersonKeys } from '../keys/person-keys.ts'
import type { KeyProvider } from '../keys/provider.ts'
import type { ControllerEntry } from '../ledger/entry.ts'
import { requireNamedRows } from '../ledger/named-rows.ts'
import {
  type Catalogue,
  decodeCatalogue,
  EMPTY_CATALOGUE,
  encodeCatalogue,
  extendCatalogue,
} from '../policy/catalogue.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import { scanRows } from '../storage/scan-rows.ts'
import type { Key, Row, Store } from '../storage/store.ts'
import { layoutRow } from '../vault/layouts.ts'
import { missingLookupKeys } from '../vault/lookup-key-row.ts'
import type { Root } from './open-root.ts'
import { requireSameKinds } from './same-kinds.ts'
import { sameRow } from '../storage/same-row.ts'

/** What registering a policy needs. */
export interface RegisterDeps {
  readonly store: Store
  readonly keyspace: Keyspace
  readonly provider: KeyProvider
  readonly clock: Clock
  readonly root: Root
  readonly policy: CompiledPolicy
}

/** The numbers and keys that the running policy works with. */
export interface Registered {
  readonly catalogue: Catalogue
  readonly keys: PersonKeys
}

interface CatalogueRow {
  readonly catalogue: Catalogue
  readonly sealed: Uint8Array | undefined
}

const ATTEMPTS = 10
const PAGE = 1_000

/**
 * Gives numbers and keys to what is new in the policy, and makes the policy the newest one of the store. A
 * policy that the store knows already is not made newest again: its process reads, and does not write.
 */
export async function registerPolicy(deps: RegisterDeps): Promise<Registered> {
  // Another process registered something meanwhile: its numbers come first.
  return await afterConflicts(ATTEMPTS, () => tryRegister(deps))
}

async function tryRegister(deps: RegisterDeps): Promise<Registered> {
  const before = await readCatalogue(deps)
  const catalogue = extendCatalogue(before.catalogue, deps.policy)
  const keys = createKeys(deps, catalogue)
  const sealed = await storeCatalogue(deps, { before, catalogue, keys })
  await keys.loadAll()
  await storePolicy(deps, { before: { catalogue, sealed }, keys })
  return { catalogue, keys }
}

async function readCatalogue({ store, keyspace, root }: RegisterDeps): Promise<CatalogueRow> {
  const rests = [keyspace.catalogue, keyspace.noticeRegister]
  const [bytes, ...found] = await store.read([keyspace.log.head, ...rests])
  const head = await root.ledger.log.head(bytes)
  requireNamedRows(
    keyspace,
    head,
    rests.map((key, at) => [key, found[at]]),
  )
  const [sealed] = found
  if (sealed === undefined) return { catalogue: EMPTY_CATALOGUE, sealed }
  return { catalogue: decodeCatalogue(root.controller.open(keyspace.catalogue, sealed)), sealed }
}

function createKeys(deps: RegisterDeps, known: Catalogue): PersonKeys {
  const { store, keyspace, provider, root, clock } = deps
  const { storeId, salt, epochs } = root
  let { classes } = known
  const names = {
    nameOf: (accessClass: number): string | undefined => classes[accessClass],
    refresh: async (): Promise<void> => {
      classes = (await readCatalogue(deps)).catalogue.classes
    },
  }
  return createPersonKeys({ store, keyspace, provider, storeId, salt, epochs, clock, names })
}

interface NewCatalogue {
  readonly before: CatalogueRow
  readonly catalogue: Catalogue
  readonly keys: PersonKeys
}

/** Classes get their keys in the commit that gives them their numbers. */
async function storeCatalogue(
  deps: RegisterDeps,
  { before, catalogue, keys }: NewCatalogue,
): Promise<Uint8Array | undefined> {
  const { keyspace, root, store } = deps
  const { epoch } = keys
  const slots = catalogue.classes.map((_, accessClass) => ({ epoch, accessClass }))
  const classKeys = slots.map(({ accessClass }) => keyspace.classKey(epoch, accessClass))
  const rows = await store.read(classKeys)
  const missing = slots.filter((_, index) => rows[index] === undefined)
  const known = before.sealed === undefined ? 0 : before.catalogue.classes.length
  // Numbered classes have keys: a new one in their place would hide that theirs is gone.
  const classless = missing.filter(({ accessClass }) => accessClass < known)
  if (classless.length > 0) await requireKeys(deps, classless)
  if (missing.length === 0 && before.sealed !== undefined && catalogue === before.catalogue)
    return before.sealed
  const minted = await keys.mint(missing)
  const sealed = root.controller.seal(keyspace.catalogue, encodeCatalogue(catalogue))
  const event = {
    type: 'catalogue.extended',
    classes: catalogue.classes,
    records: catalogue.records,
  }
  const put = [[keyspace.catalogue, sealed] as const, ...minted]
  await commitOver(deps, before.sealed, { put, event, keys, epoch })
  return sealed
}

/** Of an earlier epoch, where this one has none yet. */
async function requireKeys(
  { store, keyspace }: RegisterDeps,
  slots: readonly EpochClass[],
): Promise<void> {
  const found = new Set<string>()
  for await (const [key] of scanRows(store, keyspace.classKeys, { page: PAGE }))
    found.add(key.slice(key.lastIndexOf('/')))
  for (const { epoch, accessClass } of slots) {
    const key = keyspace.classKey(epoch, accessClass)
    if (!found.has(key.slice(key.lastIndexOf('/')))) throw goneRow()
  }
}

/** Policy, layouts and lookup keys, in one commit that makes the policy the newest. */
async function storePolicy(
  deps: RegisterDeps,
  { before, keys }: { readonly before: CatalogueRow; readonly keys: PersonKeys },
): Promise<void> {
  const { keyspace, root, policy, store } = deps
  const { catalogue } = before
  const { epoch } = keys
  const layouts = [...policy.records.values()].map(({ layout }) =>
    layoutRow({ keyspace, controller: root.controller, catalogue }, layout),
  )
  const lookups = await missingLookupKeys({ store, keyspace, keys, catalogue }, policy)
  const key = keyspace.policy(policy.hash)
  const wanted = [key, ...layouts.map(([layout]) => layout)]
  const [head, ...stored] = await store.read([keyspace.log.head, ...wanted])
  if (stored[0] !== undefined) return
  const newest = await newestPolicy(root, head)
  if (newest === policy.hash) throw goneRow()
  await requireSameKinds(deps, newest)
  const absent = (index: number): boolean => stored[index] === undefined
  const put: readonly Row[] = [
    [key, root.controller.seal(key, canonicalBytes(policy.describe))],
    ...layouts.filter((_, index) => absent(1 + index)),
    ...lookups,
  ]
  const event = { type: 'policy.registered', hash: policy.hash }
  const absentKeys = lookups.map(([lookupKey]) => lookupKey)
  const registers = policy.hash
  await commitOver(deps, before.sealed, { put, event, keys, epoch, registers, absentKeys })
}

/** As the head of the log names it; undefined before the first. */
async function newestPolicy(
  { ledger }: Root,
  head: Uint8Array | undefined,
): Promise<string | undefined> {
  const { policy } = (await ledger.log.head(head)).state
  return typeof policy === 'string' && policy !== '' ? policy : undefined
}

/** What the log says was written, and nobody deleted: it is not made anew. */
function goneRow(): PrivityError {
  return new PrivityError('store_corrupt', { reason: 'missing_row' })
}

interface Registering {
  readonly put: readonly Row[]
  readonly event: ControllerEntry['event']
  readonly keys: PersonKeys
  /** That the keys among the rows are wrapped under. */
  readonly epoch: number
  readonly registers?: string
  /** Another policy may have been given the same ones meanwhile. */
  readonly absentKeys?: readonly Key[]
}

/** Only while the catalogue is the one that the rows were made for, and the epoch the one of their keys. */
async function commitOver(
  { keyspace, root, clock }: RegisterDeps,
  catalogue: Uint8Array | undefined,
  { put, event, keys, epoch, registers, absentKeys = [] }: Registering,
): Promise<void> {
  const policyKey = registers === undefined ? undefined : keyspace.policy(registers)
  await root.ledger.submit<null>({
    reads: [...new Set([keyspace.catalogue, ...put.map(([key]) => key), ...absentKeys])],
    build: (rows) => {
      const isStale =
        !sameRow(rows.get(keyspace.catalogue), catalogue) ||
        keys.epoch !== epoch ||
        absentKeys.some((key) => rows.get(key) !== undefined)
      if (isStale) throw new PrivityError('write_conflict', { attempts: 1 })
      if (policyKey !== undefined && rows.get(policyKey) !== undefined)
        return { kind: 'done', value: null }
      const entry: ControllerEntry = {
        kind: 'controller',
        at: clock.now(),
        event,
        wraps: epoch,
        ...(registers === undefined ? {} : { registers }),
      }
      return { kind: 'change', change: { put, del: [], entry }, value: null }
    },
  })
}
