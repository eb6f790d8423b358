import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { createPrivity, definePolicy, definePurposes, defineRecord, localKeys } from 'privity'
import { type MemoryData, memoryData, memoryStore } from '../../src/adapters/memory.ts'
import type { Verification } from '../../src/ledger/verify-log.ts'
import {
  type Acme,
  ACTORS,
  accessorsOf,
  ANNA,
  controller,
  eagerClock,
  onPaper,
  openAcme,
  publishNotice,
  refusal,
  SECRET,
} from '../support/acme.ts'
import { setRows } from '../support/deep-mutations.ts'
import { openOver } from '../support/deep-store.ts'
import { storedBodies } from '../support/stored-bodies.ts'
import { epochKeys } from '../support/epoch-keys.ts'

/** Somebody who may write to the database, and has no key. */
type Rows = ReadonlyMap<string, Uint8Array | undefined>

const REGISTER = /\/c\/n$/
const MISSING = { code: 'store_corrupt', details: { reason: 'missing_row' } }
const CHANGED = { code: 'store_corrupt', details: { reason: 'changed_row' } }

function rowsOf({ rows }: MemoryData, pattern: RegExp): Rows {
  return new Map([...rows].filter(([key]) => pattern.test(key)))
}

function remove(data: MemoryData, pattern: RegExp): void {
  setRows(data, new Map([...rowsOf(data, pattern).keys()].map((key) => [key, undefined])))
}

function rewritten({ faults }: Verification): readonly string[] {
  return faults.flatMap(({ kind, key = '', index }) =>
    kind === 'row_rewritten' && index !== undefined ? [key.slice(17)] : [],
  )
}

function marketingOf(acme: Acme, subjectId: string): Promise<{ readonly allowed: boolean }> {
  return acme.may({ subjectId, purpose: 'marketing', actor: ACTORS.marketing })
}

describe('a row that the controller wrote', () => {
  test('that is deleted is named for good once the app has written it anew', async () => {
    const data = memoryData()
    const acme = await openOver(data)
    const v = (await acme.subjects.register()).id
    const scope = { recipient: 'mail', purpose: 'support', actor: ACTORS.support } as const
    await acme.pseudonyms.of({ ...scope, subjectId: v })
    expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true })
    remove(data, /\/k\/s\//)
    await acme.pseudonyms.of({ ...scope, subjectId: v })
    expect(rewritten(await acme.ledger.verify({ deep: true }))).toEqual([
      expect.stringMatching(/^k\/s\//),
    ])
    await acme.close()
    const again = await openOver(data)
    const found = await again.ledger.verify({ deep: true })
    expect(found.ok).toBe(false)
    expect(rewritten(found)).toHaveLength(1)
    await again.close()
  })

  test('that is set back is named once the app has gone on from it', async () => {
    const data = memoryData()
    const acme = await openOver(data)
    await acme.forms.publicKey()
    const old = rowsOf(data, /\/c\/forms$/)
    await acme.forms.rotateKey()
    setRows(data, old)
    await acme.forms.rotateKey()
    expect(rewritten(await acme.ledger.verify({ deep: true }))).toEqual(['c/forms'])
    await acme.close()
  })

  test('that the log deleted, and somebody put back, is named when it is wrapped anew', async () => {
    const data = memoryData()
    const keys = epochKeys().provider()
    const acme = await openAcme(memoryStore({ share: data }), { keys, clock: eagerClock() })
    const v = (await acme.subjects.register()).id
    const scope = { recipient: 'mail', purpose: 'support' } as const
    await acme.pseudonyms.of({ ...scope, actor: ACTORS.support, subjectId: v })
    const old = rowsOf(data, /\/k\/s\//)
    await acme.pseudonyms.destroy(scope)
    setRows(data, old)
    await acme.keys.rotate()
    await acme.keys.rewrap()
    const [key = ''] = old.keys()
    expect(rewritten(await acme.ledger.verify({ deep: true }))).toEqual([key.slice(17)])
    await acme.close()
  })

  test('is committed to as it was by every entry that writes it', async () => {
    const data = memoryData()
    const acme = await openOver(data)
    const v = (await acme.subjects.register({ externalId: 'crm:17' })).id
    await accessorsOf(acme).support.contact.create(v, ANNA)
    await accessorsOf(acme).support.contact.read(v)
    await publishNotice(acme)
    await acme.forms.publicKey()
    const scope = { recipient: 'mail', purpose: 'support' } as const
    await acme.pseudonyms.of({ ...scope, actor: ACTORS.support, subjectId: v })
    await acme.pseudonyms.destroy(scope)
    await acme.ledger.rotateKeys()
    await acme.erasure.erase(v, { reason: 'subject_request' })
    await acme.close()
    const bodies = await storedBodies(data, { tenant: 'acme', secret: SECRET })
    const written = bodies.flatMap(({ personId, body }) =>
      personId === undefined ? body.rows : [],
    )
    const own = written.filter(([name]) => /^(?:c\/(?!q\/)|k\/)/.test(name))
    expect(own.length).toBeGreaterThan(20)
    expect(own.filter((row) => row.length !== 3)).toEqual([])
    // Of rows of an erased person, the log says no more than that they went.
    expect(written.filter(([name]) => name.startsWith('#')).every((row) => row.length === 2)).toBe(
      true,
    )
  })

  test('may be written by many entries of one batch, each over what the one before left', async () => {
    const data = memoryData()
    const acme = await openOver(data)
    const publish = (id: string) =>
      acme.notices.publish({ id, version: '1', texts: { en: `text of ${id}` } })
    await Promise.all(['a', 'b', 'c', 'd'].map(publish))
    expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
    await acme.close()
  })
})

describe('an operation of a person', () => {
  test('that takes effect again, because its row was deleted, is named', async () => {
    const data = memoryData()
    const acme = await openOver(data)
    const v = (await acme.subjects.register()).id
    const notice = await publishNotice(acme)
    const before = new Set(data.rows.keys())
    const give = () =>
      acme.consent.give(v, onPaper(notice, ['marketing']), { operationId: 'job-1' })
    await give()
    const row = [...data.rows.keys()].find((key) => /\/o\//.test(key) && !before.has(key)) ?? ''
    await acme.consent.withdraw(v, { purposes: ['marketing'] })
    await give()
    expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true })
    setRows(data, new Map([[row, undefined]]))
    await give()
    expect(rewritten(await acme.ledger.verify({ deep: true }))).toEqual([row.slice(17)])
    await acme.close()
  })
})

describe('the register of notices', () => {
  test('makes nobody live by being gone: decisions and reads refuse', async () => {
    const { data, acme, v } = await stale()
    expect(await marketingOf(acme, v)).toMatchObject({ allowed: false })
    remove(data, REGISTER)
    expect(await refusal(marketingOf(acme, v))).toMatchObject(MISSING)
    expect(await refusal(accessorsOf(acme).marketing.contact.read(v))).toMatchObject(MISSING)
    expect(await refusal(acme.consent.status(v, 'marketing'))).toMatchObject(MISSING)
    // What rests on no consent goes on.
    expect(await accessorsOf(acme).support.contact.read(v)).toMatchObject({ name: 'Anna' })
    expect(await refusal(publish(acme, 'terms'))).toMatchObject(MISSING)
    await acme.close()
    expect(await refusal(openOver(data))).toMatchObject(MISSING)
  })

  test('is not written over while it is an older one, and no store is opened with it', async () => {
    const { data, acme, v, old } = await stale()
    const rows = rowsOf(data, REGISTER)
    setRows(data, old)
    const [failed, registered] = await Promise.allSettled([
      publish(acme, 'terms'),
      acme.subjects.register(),
    ])
    expect(failed).toMatchObject({ status: 'rejected', reason: CHANGED })
    // Whoever is in the same batch is none the worse for it.
    expect(registered).toMatchObject({ status: 'fulfilled' })
    await acme.close()
    expect(await refusal(openOver(data))).toMatchObject(CHANGED)
    setRows(data, rows)
    const again = await openOver(data)
    expect(await marketingOf(again, v)).toMatchObject({ allowed: false })
    expect(await again.ledger.verify({ deep: true })).toMatchObject({ ok: true })
    await again.close()
  })

  test('knows of a book that was taken away: no version is published twice', async () => {
    const data = memoryData()
    const acme = await openOver(data)
    await publish(acme, 'terms')
    remove(data, /\/c\/n\//)
    const other = { id: 'terms', version: '1', texts: { en: 'we sell everything' } }
    expect(await refusal(acme.notices.publish(other))).toMatchObject(CHANGED)
    expect(await refusal(publish(acme, 'terms'))).toMatchObject(CHANGED)
    expect((await publish(acme, 'constructor')).id).toBe('constructor')
    await acme.close()
  })
})

describe('the key under which ids are suppressed', () => {
  test('is not made anew, and nobody is brought back where it is gone', async () => {
    const data = memoryData()
    const acme = await openOver(data)
    const [v, w] = [
      (await acme.subjects.register({ externalId: 'crm:17' })).id,
      (await acme.subjects.register({ externalId: 'crm:18' })).id,
    ]
    await acme.erasure.erase(v, { reason: 'subject_request' })
    const key = rowsOf(data, /\/k\/u\//)
    remove(data, /\/k\/u\//)
    expect(await refusal(acme.subjects.register({ externalId: 'crm:17' }))).toMatchObject(MISSING)
    expect(await refusal(acme.erasure.erase(w, { reason: 'subject_request' }))).toMatchObject(
      MISSING,
    )
    setRows(data, key)
    await acme.erasure.erase(w, { reason: 'subject_request' })
    expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true })
    await acme.close()
  })
})

describe('the catalogue', () => {
  test('that was set back opens no store, and gives no number a second meaning', async () => {
    const data = memoryData()
    await (await openWith(data, ['contact'])).close()
    const old = rowsOf(data, /\/c\/catalogue$/)
    await (await openWith(data, ['contact', 'notes'])).close()
    const rows = new Map(data.rows)
    setRows(data, old)
    const set = new Map(data.rows)
    expect(await refusal(openWith(data, ['ads', 'contact', 'notes']))).toMatchObject(CHANGED)
    expect(await refusal(openWith(data, ['contact']))).toMatchObject(CHANGED)
    expect(new Map(data.rows)).toEqual(set)
    setRows(data, rows)
    await (await openWith(data, ['ads', 'contact', 'notes'])).close()
  })

  test('that is set back beneath a process is not what its keys are rotated by', async () => {
    const data = memoryData()
    const keys = epochKeys().provider()
    await (await openWith(data, ['contact'], keys)).close()
    const old = rowsOf(data, /\/c\/catalogue$/)
    const privity = await openWith(data, ['contact', 'notes'], keys)
    setRows(data, old)
    expect(await refusal(privity.keys.rotate())).toMatchObject(CHANGED)
    await privity.close()
  })
})

const purposes = definePurposes({ support: { basis: 'contract', description: 'Answer you' } })

function openWith(data: MemoryData, names: readonly string[], keys = localKeys(SECRET)) {
  const record = defineRecord(purposes, ({ field }) => ({
    text: field(z.string(), { purposes: ['support'] }),
  }))
  const records = Object.fromEntries(names.map((name) => [name, record]))
  const roles = { agent: { purposes: ['support'] } } as const
  const policy = definePolicy({ controller, purposes, records, roles })
  return createPrivity({
    policy,
    store: memoryStore({ share: data }),
    keys,
    clock: eagerClock(),
  })
}

function publish(acme: Acme, id: string) {
  return acme.notices.publish({ id, version: '1', texts: { en: `text of ${id}` } })
}

/** Somebody who consented on a version that a material one has replaced since; and the register of before. */
async function stale() {
  const data = memoryData()
  const acme = await openOver(data)
  const v = (await acme.subjects.register()).id
  await accessorsOf(acme).support.contact.create(v, ANNA)
  await acme.consent.give(v, onPaper(await publishNotice(acme, '1'), ['marketing']))
  expect(await marketingOf(acme, v)).toMatchObject({ allowed: true })
  const old = rowsOf(data, REGISTER)
  await publishNotice(acme, '2')
  return { data, acme, v, old }
}
