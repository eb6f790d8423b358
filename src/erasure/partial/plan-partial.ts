import { isHeldWhole } from '../../subjects/holds.ts'
import type { Person } from '../../subjects/person.ts'
import type { Vault } from '../../vault/vault.ts'
import type { Exclusion } from '../exclusion.ts'
import type { ErasureHook } from '../hook.ts'
import type { PlanItem } from '../plan.ts'
import type { Kept, Rule } from '../selection.ts'
import { toInstant } from '../../base/time.ts'
import { lookupsOf } from './edit-record.ts'
import { heldClasses } from './held-classes.ts'
import { hookScopeOf } from './hook-scope.ts'
import { type KeptOf, type Look, lookOver } from './look.ts'
import { takesPart } from './part-hooks.ts'
import type { Replayable } from './replayed-selection.ts'
import type { PartialState } from './state.ts'
import { isTaking, touchedBy } from './work.ts'

/** Whom a partial erasure is planned for, and what goes. */
export interface PlanningPartial {
  readonly vault: Vault
  readonly keptOf: KeptOf
  readonly subjectId: string
  readonly rule: Rule | Replayable
  /** That are installed. */
  readonly hooks: readonly ErasureHook[]
}

const NOT_PARTIAL = 'not_partial'

/** Looks what goes and what stays; changes nothing. */
export async function planPartial(planning: PlanningPartial): Promise<PartialState> {
  const { vault, rule, hooks } = planning
  const look = await lookOver(planning)
  const closes = rule.kind === 'all'
  const exclusions = [
    ...stayingOf(vault, look),
    ...(await heldKeys(vault, look)),
    ...(closes ? hooksLeftOut(hooks) : []),
  ]
  const hookScope = hooks.some((hook) => takesPart(hook, closes))
    ? hookScopeOf(look, (record, fieldId) => fieldName(vault, record, fieldId))
    : undefined
  return {
    rule: rule.kind === 'replayed' ? rule.rule : rule,
    sequence: look.person.head.sequence,
    exclusions,
    ...(hookScope === undefined ? {} : { hookScope }),
    items: [
      ...goingItems(vault, look),
      ...(closes ? closingItems(look.person) : []),
      ...exclusions.map(stayingItem),
    ],
    ...(closes ? { closes } : {}),
  }
}

function closingItems({ head }: Person): readonly PlanItem[] {
  const groups = isHeldWhole(head) ? 0 : (head.groups?.length ?? 0)
  const leaving = groups === 0 ? [] : [{ what: 'groups', count: groups, action: 'leave' }]
  return [{ what: 'person', count: 1, action: 'close' }, ...leaving]
}

/** What a plan said of hooks that do not take part, and of whose systems it therefore knows nothing. Pure. */
export function leftOutOf({ exclusions }: PartialState): readonly Exclusion[] {
  return exclusions.filter(({ ground }) => ground === NOT_PARTIAL)
}

/** Somebody is to be erased as a whole, and what another system has stays until that can be done. */
function hooksLeftOut(hooks: readonly ErasureHook[]): readonly Exclusion[] {
  return hooks
    .filter((hook) => !takesPart(hook, true))
    .map(({ id }) => ({ what: `hook:${id}`, count: 1, ground: NOT_PARTIAL }))
}

/** What stays of that which was asked for, by record, field and ground. Pure but for names. */
export function stayingOf(
  vault: Vault,
  {
    works,
    selection,
  }: Pick<Look, 'works'> & { readonly selection: Pick<Look['selection'], 'person'> },
): readonly Exclusion[] {
  const counts = new Map<string, Exclusion>()
  for (const { name, stays } of works) {
    for (const { fieldId, verdict } of stays) {
      const { ground, until } = verdict
      const what = `${name.record}.${fieldName(vault, name.record, fieldId)}`
      const key = JSON.stringify([what, ground, until ?? null])
      const count = (counts.get(key)?.count ?? 0) + 1
      counts.set(key, { what, count, ground, ...(until === undefined ? {} : { until }) })
    }
  }
  return [...selection.person.map(keptPerson), ...counts.values()]
}

function keptPerson({ ground }: Kept): Exclusion {
  return { what: 'person', count: 1, ground }
}

/** Keys that stay because attachments are sealed under them: what was under them dies with the backups. */
async function heldKeys({ people, layouts }: Vault, look: Look): Promise<readonly Exclusion[]> {
  const touched = new Set(look.works.filter(isTaking).flatMap(touchedBy))
  const held = await heldClasses(people, look, touched)
  return [...held].map((accessClass) => heldKey(layouts.nameOfClass(accessClass)))
}

/** The key of a class that has to stay. Pure. */
export function heldKey(className: string): Exclusion {
  return { what: `key of ${className}`, count: 1, ground: 'attachments' }
}

function goingItems(vault: Vault, { works, person }: Look): readonly PlanItem[] {
  const taken = works.filter(isTaking)
  const counts = new Map<string, number>()
  const add = (what: string): void => {
    counts.set(what, (counts.get(what) ?? 0) + 1)
  }
  for (const { name, removes, gone } of taken) {
    if (removes) add(name.record)
    else
      for (const fieldId of [...gone.values()].flat())
        add(`${name.record}.${fieldName(vault, name.record, fieldId)}`)
  }
  const classes = new Set(taken.flatMap(touchedBy))
  const keys = person.ring.filter(({ accessClass }) => classes.has(accessClass)).length
  const lookupRows = taken.reduce((sum, work) => sum + lookupsOf(vault, work).length, 0)
  const items: readonly PlanItem[] = [
    ...[...counts].map(([what, count]) => ({ what, count, action: 'delete' })),
    { what: 'lookup rows', count: lookupRows, action: 'delete' },
    { what: 'keys', count: keys, action: 'replace, and destroy' },
  ]
  return items.filter(({ count }) => count > 0)
}

function stayingItem({ what, count, ground, until }: Exclusion): PlanItem {
  const end = until === undefined ? {} : { until: toInstant(until) }
  return { what, count, action: 'keep', ground, ...end }
}

function fieldName({ policy }: Vault, record: string, fieldId: string): string {
  const field = policy.records.get(record)?.fields.find(({ id }) => id === fieldId)
  return field?.name ?? fieldId
}
