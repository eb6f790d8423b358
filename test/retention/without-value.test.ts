import { expect, test } from 'vitest'
import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  localKeys,
  type FieldOptions,
} from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { controller, eagerClock, SECRET } from '../support/acme.ts'

const START = Date.UTC(2026, 0, 1)
const ACTOR = { id: 'staff:ida', roles: ['agent'] } as const
const purposes = definePurposes({ support: { basis: 'contract', description: 'Answer' } })
const RETENTION = { keep: { days: 5 }, from: 'created' } as const

type Ending = Pick<FieldOptions<z.ZodExactOptional<z.ZodString>, 'support'>, 'retention' | 'atEnd'>

function policyOf(version: string, ending: Ending) {
  const note = defineRecord(purposes, ({ field }) => ({
    text: field(z.string(), { purposes: ['support'] }),
    nick: field(z.string().exactOptional(), { purposes: ['support'], ...ending }),
  }))
  return definePolicy({
    controller,
    version,
    purposes,
    records: { note },
    roles: { agent: { purposes: ['support'] } },
  })
}

const ENDINGS: readonly (readonly [string, Ending])[] = [
  ['erased', { retention: RETENTION }],
  ['anonymised', { retention: RETENTION, atEnd: { anonymise: (plain) => plain.slice(0, 1) } }],
]

test.for(ENDINGS)('a field that is to be %s and has no value is due once', async ([, ending]) => {
  const share = memoryData()
  const clock = eagerClock(START)
  const open = (version: string, rule: Ending) =>
    createPrivity({
      policy: policyOf(version, rule),
      store: memoryStore({ share }),
      keys: localKeys(SECRET),
      clock,
    })
  const before = await open('1', {})
  const { id } = await before.subjects.register()
  const support = before.accessor({ purpose: 'support', actor: ACTOR })
  await support.note.create(id, { text: 'hello' })
  await before.close()
  const after = await open('2', ending)
  await after.keys.reseal()
  clock.advance({ days: 50 })
  expect(await after.retention.sweep()).toMatchObject({ people: 1, records: 1, failed: 0 })
  const { size } = share.rows
  for (let again = 0; again < 3; again += 1)
    expect(await after.retention.sweep()).toMatchObject({ people: 0, records: 0, failed: 0 })
  expect(share.rows.size).toBe(size)
  expect([...share.rows.keys()].filter((key) => key.slice(17, 19) === 'd/')).toEqual([])
  expect((await after.ledger.verify({ deep: true })).faults).toEqual([])
  await after.close()
})
