import { expect, test } from 'vitest'
import * as z from 'zod'
import { createPrivity, definePolicy, definePurposes, defineRecord, localKeys } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { controller, fakeClock, refusal, SECRET } from '../support/acme.ts'

const purposes = definePurposes({ support: { basis: 'contract', description: 'Answer you' } })
const KINDS = { single: {}, many: { many: true } } as const

function policyOf(kind: keyof typeof KINDS | 'none', version: string): never {
  const fields = { purposes: ['support'] } as const
  const note = defineRecord(
    purposes,
    ({ field }) => ({ text: field(z.string(), fields) }),
    KINDS[kind === 'none' ? 'single' : kind] as never,
  )
  const other = defineRecord(purposes, ({ field }) => ({ text: field(z.string(), fields) }))
  const records = kind === 'none' ? { other } : { other, note }
  const roles = { agent: { purposes: ['support'] } } as const
  return definePolicy({ controller, version, purposes, records, roles }) as never
}

for (const [first, second] of [
  ['single', 'many'],
  ['many', 'single'],
] as const)
  test(`a type of ${first} records does not become one of ${second}: what is stored would be lost`, async () => {
    const share = memoryData()
    const open = (policy: never) =>
      createPrivity({
        policy,
        store: memoryStore({ share }),
        keys: localKeys(SECRET),
        clock: fakeClock(),
      })
    await (await open(policyOf('none', '0'))).close()
    await (await open(policyOf(first, '1'))).close()
    expect(await refusal(open(policyOf(second, '2')))).toEqual({
      code: 'invalid_input',
      details: { issues: [{ path: ['policy', 'records', 'note'], code: 'other_many' }] },
    })
    await (await open(policyOf(first, '3'))).close()
  })
