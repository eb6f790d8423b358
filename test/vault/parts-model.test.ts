import fc from 'fast-check'
import { expect, test } from 'vitest'
import { localKeys } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { placedHeads, sealedIn } from '../../src/erasure/partial/look.ts'
import type { Kept } from '../../src/erasure/selection.ts'
import { openSection } from '../../src/vault/sections.ts'
import { readHeads } from '../../src/vault/record-heads.ts'
import { SECRET } from '../support/acme.ts'
import { type Desk, deskPolicy, type DeskType, openDesk } from '../support/helpdesk.ts'
import { type OpenVault, openVault } from '../support/open-vault.ts'
import { scaled } from '../support/scale.ts'

fc.configureGlobal({ seed: 20_261_122 })

const RUNS = scaled({ ci: 120, torture: 2_000 })
const TYPES = ['ticket', 'message', 'file', 'note'] as const
/** The field that names the owner, its type, and what becomes of the part. */
const OWNERS = {
  ticket: undefined,
  message: { field: 'ticketId', record: 'ticket', onErase: 'delete' },
  file: { field: 'messageId', record: 'message', onErase: 'delete' },
  note: { field: 'about', record: 'ticket', onErase: 'detach' },
} as const
const TEXT = { ticket: 'title', message: 'body', file: 'name', note: 'text' } as const
const FIELDS: { readonly [T in DeskType]: readonly string[] } = {
  ticket: ['title', 'extra'],
  message: ['ticketId', 'body'],
  file: ['messageId', 'name'],
  note: ['about', 'text'],
}

const type = fc.constantFrom(...TYPES)
const nth = fc.nat(5)
/** As an owner: nobody. */
const NOBODY = 5
const part = fc.record({
  type: fc.constantFrom(...TYPES, 'ticket' as const, 'message' as const),
  nth: fc.option(nth, { nil: undefined, freq: 8 }),
  fields: fc.option(fc.constantFrom(0, 1), { nil: undefined, freq: 1 }),
})
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('create' as const), type, owner: nth }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('move' as const), type, nth, owner: nth }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), type, nth }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('erase' as const),
      scope: fc.array(part, { minLength: 1, maxLength: 2 }),
      kept: fc.array(part, { maxLength: 2 }),
    }),
  },
)
const steps = fc
  .tuple(
    fc.array(fc.record({ type, owner: fc.nat(4) }), { minLength: 6, maxLength: 12 }),
    fc.array(step, { minLength: 2, maxLength: 12 }),
  )
  .map(([made, others]): readonly Step[] => [
    { kind: 'create', type: 'ticket', owner: 0 },
    { kind: 'create', type: 'message', owner: 0 },
    ...made.map((one) => ({ kind: 'create' as const, ...one })),
    ...others,
  ])
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never
type PartOf = typeof part extends fc.Arbitrary<infer P> ? P : never

interface Plain {
  readonly type: DeskType
  readonly fields: { readonly [name: string]: string }
}

/** What there is, by id; and every id that ever was, by type. */
interface Model {
  readonly records: Map<string, Plain>
  readonly ids: { readonly [T in DeskType]: string[] }
}

interface World {
  readonly desk: Desk
  readonly opened: OpenVault
  readonly keep: (kept: readonly Kept[]) => void
  readonly id: string
  readonly model: Model
}

test(`parts follow their owners as a plain model has it, in ${RUNS} runs`, {
  timeout: scaled({ ci: 300_000, torture: 3_600_000 }),
}, async () => {
  const share = memoryData()
  const desk = await openDesk(memoryStore({ share }))
  let kept: readonly Kept[] = []
  const opened = await openVault(memoryStore({ share }), {
    declared: deskPolicy(),
    keys: localKeys(SECRET),
    keptOf: () => kept,
  })
  const keep = (some: readonly Kept[]): void => {
    kept = some
  }
  await fc.assert(
    fc.asyncProperty(steps, async (drawn) => {
      const { id } = await desk.privity.subjects.register()
      const ids = { ticket: [], message: [], file: [], note: [] }
      const world: World = { desk, opened, keep, id, model: { records: new Map(), ids } }
      for (const one of drawn) await take(world, one)
    }),
    { numRuns: RUNS },
  )
  expect(await desk.privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
})

async function take(world: World, one: Step): Promise<void> {
  if (one.kind === 'create') await create(world, one)
  else if (one.kind === 'move') await move(world, one)
  else if (one.kind === 'remove') await remove(world, one)
  else await erase(world, one)
  expect(await stateOf(world)).toEqual(world.model.records)
}

/** An owner that may be gone by now; undefined for a type without one, or for nobody. */
function ownerFor({ model }: World, type: DeskType, nth: number): string | undefined {
  const owner = OWNERS[type]
  return owner === undefined || nth === NOBODY ? undefined : pick(model.ids[owner.record], nth)
}

function pick(ids: readonly string[], nth: number): string | undefined {
  return ids[nth % ids.length]
}

async function create(
  world: World,
  { type, owner }: { readonly type: DeskType; readonly owner: number },
): Promise<void> {
  const { desk, id, model } = world
  const named = ownerFor(world, type, owner)
  const field = OWNERS[type]?.field
  const fields = {
    [TEXT[type]]: 'text',
    ...(type === 'ticket' && owner % 2 === 1 ? { extra: 'more' } : {}),
    ...(named === undefined || field === undefined ? {} : { [field]: named }),
  }
  const creating = desk.as()[type].create(id, fields)
  if (named !== undefined && !model.records.has(named)) {
    await expect(creating).rejects.toMatchObject({ code: 'not_found' })
    return
  }
  const { recordId } = await creating
  model.ids[type].push(recordId)
  model.records.set(recordId, { type, fields })
}

async function move(
  world: World,
  step: { readonly type: DeskType; readonly nth: number; readonly owner: number },
): Promise<void> {
  const { desk, id, model } = world
  const { type } = step
  const recordId = pick(model.ids[type], step.nth)
  const named = ownerFor(world, type, step.owner)
  const field = OWNERS[type]?.field
  if (recordId === undefined || field === undefined) return
  const record = model.records.get(recordId)
  const updating =
    named === undefined
      ? desk.as()[type].update(id, recordId, {}, { unset: [field] })
      : desk.as()[type].update(id, recordId, { [field]: named })
  if (record === undefined || (named !== undefined && !model.records.has(named))) {
    await expect(updating).rejects.toMatchObject({ code: 'not_found' })
    return
  }
  await updating
  const { [field]: _, ...others } = record.fields
  const fields = named === undefined ? others : { ...others, [field]: named }
  model.records.set(recordId, { type, fields })
}

async function remove(
  { desk, id, model }: World,
  { type, nth }: { readonly type: DeskType; readonly nth: number },
): Promise<void> {
  const recordId = pick(model.ids[type], nth)
  if (recordId === undefined) return
  const removing = desk.as()[type].remove(id, recordId)
  if (!model.records.has(recordId)) {
    await expect(removing).rejects.toMatchObject({ code: 'not_found' })
    return
  }
  await removing
  drop(model, recordId)
}

function drop({ records }: Model, gone: string): void {
  records.delete(gone)
  for (const [recordId, { type, fields }] of [...records]) {
    const { field = '', onErase } = OWNERS[type] ?? {}
    if (fields[field] !== gone) continue
    const { [field]: _, ...others } = fields
    if (onErase === 'delete') drop({ records } as Model, recordId)
    else records.set(recordId, { type, fields: others })
  }
}

async function erase(
  { opened, keep, id, model }: World,
  { scope, kept }: { readonly scope: readonly PartOf[]; readonly kept: readonly PartOf[] },
): Promise<void> {
  const items = scope.map((some) => itemOf(model, some))
  const keeping = kept.map((some) => itemOf(model, some))
  keep(keeping.map(({ fields, ...rest }) => ({ ...rest, ...idsOf(fields), ground: 'hold:m-1' })))
  await opened.erasure.erase(id as never, { reason: 'test', scope: { records: items } } as never)
  const before = new Map(model.records)
  for (const [recordId, { type, fields }] of before) {
    const gone = goneOf({ records: before, items, keeping }, recordId)
    const left = Object.entries(fields).filter(([name]) => !gone.has(name))
    if (left.length === 0) model.records.delete(recordId)
    else model.records.set(recordId, { type, fields: Object.fromEntries(left) })
  }
}

interface Item {
  readonly record: string
  readonly recordId?: string
  readonly fields?: readonly string[]
}

function itemOf(model: Model, { type, nth, fields }: PartOf): Item {
  const recordId = nth === undefined ? undefined : (pick(model.ids[type], nth) ?? 'f'.repeat(32))
  return {
    record: type,
    ...(recordId === undefined ? {} : { recordId }),
    ...(fields === undefined ? {} : { fields: [FIELDS[type][fields] ?? ''] }),
  }
}

function idsOf(fields: readonly string[] | undefined): Pick<Kept, 'fieldIds'> {
  return fields === undefined ? {} : { fieldIds: fields }
}

interface Erasing {
  readonly records: ReadonlyMap<string, Plain>
  readonly items: readonly Item[]
  readonly keeping: readonly Item[]
}

function goneOf(erasing: Erasing, recordId: string): ReadonlySet<string> {
  const { type, fields } = erasing.records.get(recordId) as Plain
  const names = (items: readonly Item[]): readonly string[] =>
    items
      .filter((it) => it.record === type && (it.recordId ?? recordId) === recordId)
      .flatMap((it) => it.fields ?? FIELDS[type])
  const { field = '', onErase } = OWNERS[type] ?? {}
  const owner = fields[field]
  const isAlong = owner !== undefined && isGone(erasing, owner)
  const along = isAlong ? (onErase === 'delete' ? FIELDS[type] : [field]) : []
  const stays = new Set(names(erasing.keeping))
  return new Set([...names(erasing.items), ...along].filter((name) => !stays.has(name)))
}

function isGone(erasing: Erasing, recordId: string): boolean {
  const record = erasing.records.get(recordId)
  if (record === undefined) return false
  const gone = goneOf(erasing, recordId)
  return Object.keys(record.fields).every((name) => gone.has(name))
}

/** Every record as it is stored; what its head says of its owner is what its field does. */
async function stateOf({ opened: { vault }, id }: World): Promise<ReadonlyMap<string, Plain>> {
  const { person, heads } = await readHeads(vault.people, (await vault.people.read(id)).person)
  const state = new Map<string, Plain>()
  for (const record of placedHeads(heads)) {
    const { type: number, recordId = '', head } = record
    const type = vault.layouts.nameOfType(number) as DeskType
    const key = vault.people.deps.keyspace.record(id, number, recordId)
    const [row] = await vault.people.deps.store.read([key])
    const sealed = sealedIn(vault, { person, rows: { get: () => row } }, record)
    const payloads = Object.keys(head.sections).map((accessClass) =>
      openSection(sealed, Number(accessClass), person.key(Number(accessClass))),
    )
    const fields = Object.assign({}, ...payloads)
    state.set(recordId, { type, fields })
    const field = OWNERS[type]?.field
    expect(head.owner).toEqual(field === undefined ? undefined : [field, fields[field] ?? ''])
  }
  return state
}
