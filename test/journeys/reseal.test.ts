import { expect } from 'vitest'
import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  type KeyProvider,
  type Policy,
} from 'privity'
import { decodeRing } from '../../src/keys/key-ring.ts'
import { decodeContainer, SECTION } from '../../src/storage/container.ts'
import { collect, controller, eagerClock, refusal } from '../support/acme.ts'
import { epochKeys } from '../support/epoch-keys.ts'
import { journey, type Place } from '../support/stores.ts'

const NOTHING_LEFT = { unavailable: 0, erasing: 0, unreadable: 0, keys: 0 }
const actor = { id: 'staff:ida', roles: ['all'] }
const purposes = definePurposes({
  support: { basis: 'contract', description: 'Answer' },
  billing: { basis: 'contract', description: 'Bill' },
  fax: { basis: 'contract', description: 'Send faxes' },
})

type Names = readonly ('support' | 'billing' | 'fax')[]
interface Plan {
  /** Purposes of the fields of a contact, by name. */
  readonly contact: { readonly [field: string]: Names }
  readonly note: Names
  readonly lookup?: boolean
}

const BEFORE: Plan = {
  contact: { name: ['support', 'billing'], street: ['billing'], number: ['fax'] },
  note: ['support', 'billing'],
}
/** The street moves to the class of the name, and notes to one of their own. */
const AFTER: Plan = {
  contact: { name: ['support', 'billing'], street: ['support', 'billing'], number: ['support'] },
  note: ['support'],
  lookup: true,
}
const VALUE = { name: 'Anna', street: 'Keizersgracht', number: '020 1' }

interface Records {
  readonly contact: RecordFace
  readonly note: RecordFace
}
interface RecordFace {
  create(id: string, value: object): Promise<{ readonly recordId: string }>
  read(id: string, recordId?: string): Promise<object>
  find(where: object): AsyncIterable<{ readonly subjectId: string }>
  update(id: string, changes: object): Promise<void>
}

function policyOf({ contact, note, lookup = false }: Plan): Policy<never, never> {
  const fields = Object.entries(contact)
  const records = {
    contact: defineRecord(purposes, ({ field }) =>
      Object.fromEntries(
        fields.map(([name, served]) => [
          name,
          field(z.string().exactOptional(), {
            purposes: served as never,
            ...(lookup && name === 'name' ? { lookup: 'exact' as const } : {}),
          }),
        ]),
      ),
    ),
    note: defineRecord(
      purposes,
      ({ field }) => ({ text: field(z.string(), { purposes: note as never }) }),
      { many: true },
    ),
  }
  const roles = { all: { purposes: ['support', 'billing', 'fax'] } }
  return definePolicy({ controller, purposes, records, roles } as never) as never
}

async function deploy(place: Place, plan: Plan, keys: KeyProvider) {
  const clock = eagerClock()
  const privity = await createPrivity({ policy: policyOf(plan), store: place.store(), keys, clock })
  const to = (purpose: string): Records =>
    privity.accessor({ purpose: purpose as never, actor }) as never
  return { privity, support: to('support'), billing: to('billing'), fax: to('fax') }
}

async function ringOf(place: Place, id: string): Promise<readonly number[]> {
  const [, document] = (await place.rows()).find(([key]) => key.endsWith(`/p/${id}`)) ?? []
  const sections = decodeContainer(document ?? new Uint8Array(0))
  const ring = sections?.find(({ kind }) => kind === SECTION.ring)
  return (decodeRing(ring?.bytes ?? new Uint8Array(0)) ?? []).map(({ accessClass }) => accessClass)
}

/** A person whose fields are written by the purposes that see them. */
async function addPerson(
  { privity, support, billing, fax }: Awaited<ReturnType<typeof deploy>>,
  notes: number,
): Promise<{ readonly id: string; readonly notes: readonly string[] }> {
  const { id } = await privity.subjects.register()
  await support.contact.create(id, { name: VALUE.name })
  await billing.contact.update(id, { street: VALUE.street })
  await fax.contact.update(id, { number: VALUE.number })
  const made: string[] = []
  for (let at = 0; at < notes; at += 1)
    made.push((await support.note.create(id, { text: `note ${at}` })).recordId)
  return { id, notes: made }
}

journey('records move to the running layout, and keys of vanished classes die', async (place) => {
  const keys = epochKeys().provider()
  const old = await deploy(place, BEFORE, keys)
  const people = [await addPerson(old, 40), await addPerson(old, 0), await addPerson(old, 1)]
  const leaver = await addPerson(old, 2)
  const before = await ringOf(place, people[0]?.id ?? '')
  const next = await deploy(place, AFTER, keys)
  expect(await refusal(old.privity.keys.reseal())).toMatchObject({ code: 'policy_outdated' })
  await next.privity.erasure.erase(leaver.id as never, { reason: 'subject_request' })
  expect(await collect(next.support.contact.find({ name: 'Anna' }))).toHaveLength(0)
  const seen: number[] = []
  const report = await next.privity.keys.reseal({ onProgress: (done, of) => seen.push(done, of) })
  // Three classes of the old layout are none of the new: the street's, the number's, and that of notes.
  expect(report).toEqual({ people: 3, records: 44, keysDestroyed: 8, left: NOTHING_LEFT })
  expect(seen).toEqual([4, 4])
  expect(await next.privity.keys.reseal()).toEqual({
    people: 0,
    records: 0,
    keysDestroyed: 0,
    left: NOTHING_LEFT,
  })
  for (const { id, notes } of people) {
    const ring = await ringOf(place, id)
    expect(ring.filter((accessClass) => before.includes(accessClass))).toHaveLength(2)
    expect(await next.support.contact.read(id)).toEqual(VALUE)
    for (const [at, note] of notes.entries())
      expect(await next.support.note.read(id, note)).toEqual({ text: `note ${at}` })
  }
  // What was written before there was a lookup is found since.
  expect(await collect(next.support.contact.find({ name: 'Anna' }))).toHaveLength(3)
  expect(await next.privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
  await old.privity.close()
  await next.privity.close()
  const again = await deploy(place, AFTER, keys)
  expect(await again.support.contact.read(people[0]?.id ?? '')).toEqual(VALUE)
  await again.privity.close()
})

journey(
  'fields that the policy does not know are carried along, and keep their key',
  async (place) => {
    const keys = epochKeys().provider()
    const old = await deploy(place, BEFORE, keys)
    const { id } = await addPerson(old, 1)
    await old.privity.close()
    const { number: _, ...contact } = AFTER.contact
    const next = await deploy(place, { ...AFTER, contact }, keys)
    expect(await next.privity.keys.reseal()).toMatchObject({
      records: 2,
      keysDestroyed: 2,
      left: { ...NOTHING_LEFT, keys: 1 },
    })
    expect(await next.privity.ledger.verify({ deep: true })).toMatchObject({ ok: true })
    await next.privity.close()
    const back = await deploy(place, { ...AFTER }, keys)
    await back.privity.keys.reseal()
    expect(await back.support.contact.read(id)).toEqual(VALUE)
    await back.privity.close()
  },
)

journey(
  'what a process may not open stays as it is, and is done by one that may',
  async (place) => {
    const kms = epochKeys()
    const old = await deploy(place, BEFORE, kms.provider())
    const { id, notes } = await addPerson(old, 3)
    await old.privity.close()
    const FAX = 'contact:fax'
    const limited = await deploy(
      place,
      AFTER,
      kms.provider((name) => name === FAX),
    )
    const report = await limited.privity.keys.reseal()
    expect(report).toMatchObject({ records: notes.length, left: { unavailable: 1 } })
    expect(report.left.keys + report.keysDestroyed).toBe(3)
    await limited.privity.close()
    const all = await deploy(place, AFTER, kms.provider())
    expect(await all.support.contact.read(id)).toEqual(VALUE)
    expect(await all.privity.keys.reseal()).toMatchObject({ records: 1, left: NOTHING_LEFT })
    expect(await all.support.contact.read(id)).toEqual(VALUE)
    expect(await all.privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
    await all.privity.close()
  },
)

journey('an attachment keeps the key that it was sealed under, and no other', async (place) => {
  const keys = epochKeys().provider()
  const old = await deploy(place, BEFORE, keys)
  const { id } = await addPerson(old, 0)
  const ask = { subjectId: id, purpose: 'billing', actor, record: 'contact', field: 'street' }
  const { blobId, sealed } = await old.privity.blobs.seal(
    ask as never,
    new Blob(['a scan']).stream() as never,
  )
  const bytes = new Uint8Array(await new Response(sealed as never).arrayBuffer())
  await old.privity.close()
  const next = await deploy(place, AFTER, keys)
  expect(await next.privity.keys.reseal()).toMatchObject({
    records: 1,
    keysDestroyed: 1,
    left: { keys: 1 },
  })
  const opened = await next.privity.blobs.open(
    { ...ask, blobId } as never,
    new Blob([bytes]).stream() as never,
  )
  expect(await new Response(opened as never).text()).toBe('a scan')
  await next.privity.close()
})

journey('a stopped job goes on where it is called again', async (place) => {
  const keys = epochKeys().provider()
  const old = await deploy(place, BEFORE, keys)
  for (let at = 0; at < 3; at += 1) await addPerson(old, 1)
  await old.privity.close()
  const next = await deploy(place, AFTER, keys)
  const stopped = AbortSignal.abort(new Error('stop'))
  for (const job of ['rewrap', 'reseal', 'usage', 'retire'] as const) {
    const run =
      job === 'usage' || job === 'retire'
        ? next.privity.keys[job](1, { signal: stopped })
        : next.privity.keys[job]({ signal: stopped })
    const outcome = await run.then(
      () => 'done',
      (error: Error & { code?: string }) => error.code ?? error.message,
    )
    expect([job, outcome]).toEqual([job, 'stop'])
  }
  expect(await next.privity.keys.reseal()).toMatchObject({ people: 3, records: 6 })
  await next.privity.close()
})
