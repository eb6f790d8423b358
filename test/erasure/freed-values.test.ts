import { expect, test } from 'vitest'
import { PrivityError, type Store } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { verifyCertificate } from 'privity/verify'
import { refusal } from '../support/acme.ts'
import { hookedStore } from '../support/hooked-store.ts'
import { type Desk, type DeskPlan, openDesk } from '../support/lookup-desk.ts'

const PLAN: DeskPlan = { fields: { email: { lookup: { by: 'email', unique: true } } }, many: true }
const EMAIL = { email: 'anna@example.com' }
const ASK = { reason: 'subject_request' } as const
const TAKEN = { code: 'already_exists', details: { kind: 'value' } }
/** Five rows each, of which 400 are deleted in one commit. */
const MANY = 110

interface Race {
  readonly eraser: Desk
  readonly other: Desk
  readonly id: string
}

/** Somebody with so many records, and two processes; the commits of the first are numbered from the erasure on. */
async function openRace(
  records: number,
  commit: (next: () => Promise<void>, rows: number, race: () => Race) => Promise<void>,
): Promise<Race> {
  const share = memoryData()
  const other = await openDesk(memoryStore({ share }), PLAN)
  const id = await other.add(EMAIL)
  await Promise.all(
    Array.from({ length: records - 1 }, (_, n) =>
      other.support.create(id, { email: `a${n}@example.com` }),
    ),
  )
  let race: Race | undefined
  const required = (): Race => {
    if (race === undefined) throw new TypeError('not open yet')
    return race
  }
  const store: Store = hookedStore(memoryStore({ share }), {
    commit: (batch, next) =>
      race === undefined ? next() : commit(next, batch.del.length, required),
  })
  race = { eraser: await openDesk(store, PLAN), other, id }
  return race
}

test('a value that somebody else took before the erasure was verified is not what is left of it', async () => {
  const { eraser, other, id } = await openRace(1, async (next, rows, race) => {
    await next()
    if (rows > 3) await race().other.add(EMAIL)
  })
  const { erasure, ledger } = eraser.privity
  const certificate = await erasure.erase(id, ASK)
  expect(await verifyCertificate(certificate, ledger.publicKeys)).toMatchObject({ ok: true })
  expect(await other.ids(EMAIL)).toHaveLength(1)
  expect(await refusal(other.add(EMAIL))).toEqual(TAKEN)
})

test('a value that somebody else took while an erasure was interrupted stays theirs', async () => {
  let isDead = false
  const { eraser, other, id } = await openRace(MANY, async (next, rows) => {
    if (isDead) throw new PrivityError('store_unavailable', { reason: 'failed' })
    await next()
    isDead = rows === 400
  })
  expect(await refusal(eraser.privity.erasure.erase(id, ASK))).toMatchObject({
    code: 'erasure_incomplete',
    details: { failing: ['privity:store_unavailable'] },
  })
  const taker = await other.add(EMAIL)
  isDead = false
  const { erasure, ledger } = other.privity
  expect(await verifyCertificate(await erasure.erase(id, ASK), ledger.publicKeys)).toMatchObject({
    ok: true,
  })
  expect(await refusal(other.add(EMAIL))).toEqual(TAKEN)
  expect(await other.ids(EMAIL)).toEqual([taker])
  expect(await ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
})
