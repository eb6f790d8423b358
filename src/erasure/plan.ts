import { toBase64url } from '../base/bytes.ts'
import { ownBytes } from '../base/own-json.ts'
import { sha256 } from '../crypto/hash.ts'
import type { HookItem } from './hook.ts'

/** What an erasure will do, before it does anything. */
export interface ErasurePlan {
  /** The id that the erasure will have; for `resume`. */
  readonly erasureId: string
  /** Commits to everything below: what is run is what was shown. */
  readonly hash: string
  /** What goes, and what stays with its `ground`. */
  readonly items: readonly PlanItem[]
}

/** One line of a plan. */
export interface PlanItem {
  /** A kind of row, a field, or `hook:` and its id. */
  readonly what: string
  /** How many of it. */
  readonly count: number
  /** What will be done with it. */
  readonly action: string
  /** Why it stays. */
  readonly ground?: string
  /** Until when, as an instant; absent where nobody can tell. */
  readonly until?: string
}

/** How much there is of what in the store. */
export interface Inventory {
  readonly keys: number
  readonly records: number
  readonly ledgerBodies: number
  readonly operations: number
  readonly lookupRows: number
  readonly externalId: boolean
  /** That the person is a member of. Absent for none. */
  readonly groups?: number
}

/** What is erased: everything there is, or these lines. */
export type Planned =
  | { readonly inventory: Inventory; readonly references?: readonly PlanItem[] }
  | { readonly items: readonly PlanItem[] }

/** What the hooks found, by hook. */
export interface PlannedHook {
  readonly hook: string
  /** Of the hook that planned. */
  readonly version?: number
  /** The keys stay until it has run, also while it is not installed. */
  readonly needsPlaintext?: true
  readonly items: readonly HookItem[]
}

/** The plan over what is stored and what the hooks found. Pure. */
export function toPlan(
  erasureId: string,
  planned: Planned & { readonly hooks: readonly PlannedHook[]; readonly reason: string },
): ErasurePlan {
  const { hooks, reason } = planned
  const stored =
    'items' in planned
      ? planned.items
      : [...storedItems(planned.inventory), ...(planned.references ?? [])]
  const items = [...stored, ...hooks.flatMap(hookItems)]
  return Object.freeze({
    erasureId,
    hash: planHash({ erasureId, reason, items }),
    items: Object.freeze(items.map((item) => Object.freeze(item))),
  })
}

/** SHA-256 of the canonical plan, base64url. */
function planHash(plan: {
  readonly erasureId: string
  readonly reason: string
  readonly items: readonly PlanItem[]
}): string {
  return toBase64url(sha256(ownBytes({ ...plan, items: plan.items.map((item) => ({ ...item })) })))
}

function storedItems(inventory: Inventory): readonly PlanItem[] {
  const items: readonly PlanItem[] = [
    { what: 'keys', count: inventory.keys, action: 'destroy' },
    { what: 'person document', count: 1, action: 'replace by fence' },
    { what: 'records', count: inventory.records, action: 'delete' },
    { what: 'lookup rows', count: inventory.lookupRows, action: 'delete' },
    { what: 'external id', count: inventory.externalId ? 1 : 0, action: 'delete' },
    { what: 'groups', count: inventory.groups ?? 0, action: 'leave' },
    { what: 'ledger bodies', count: inventory.ledgerBodies, action: 'delete' },
    { what: 'operation rows', count: inventory.operations, action: 'delete' },
  ]
  return items.filter(({ count }) => count > 0)
}

function hookItems({ hook, items }: PlannedHook): readonly PlanItem[] {
  return items.map(({ description, count }) => ({
    what: `${hook}: ${description}`,
    count,
    action: 'erase by hook',
  }))
}
