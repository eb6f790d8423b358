import { expect } from 'vitest'
import * as z from 'zod'
import { createPrivity, definePolicy, definePurposes, defineRecord, localKeys } from 'privity'
import { collect, controller, fakeClock, refusal, SECRET } from '../support/acme.ts'
import { journey, type Place, storesOf } from '../support/stores.ts'

type Normaliser = 'exact' | 'email' | 'nfkc-lower'

const purposes = definePurposes({ support: { basis: 'contract', description: 'Answer you' } })
const VALUE = 'anna@acme.example'
const TAKEN = { code: 'already_exists', details: { kind: 'value' } }

async function open(place: Place, by: Normaliser, version: string) {
  const account = defineRecord(purposes, ({ field }) => ({
    login: field(z.string(), { purposes: ['support'], lookup: { by, unique: true } }),
  }))
  const privity = await createPrivity({
    policy: definePolicy({
      controller,
      version,
      purposes,
      records: { account },
      roles: { agent: { purposes: ['support'] } },
    }),
    ...storesOf(place.store()),
    keys: localKeys(SECRET),
    clock: fakeClock(),
  })
  const actor = { id: 'staff:ida', roles: ['agent'] }
  const accounts = privity.accessor({ purpose: 'support', actor }).account
  return {
    privity,
    accounts,
    register: async (login: string) => {
      const { id } = await privity.subjects.register()
      await accounts.create(id, { login })
      return id
    },
  }
}

const CHANGES: readonly (readonly [Normaliser, Normaliser])[] = [
  ['exact', 'email'],
  ['email', 'nfkc-lower'],
  ['nfkc-lower', 'exact'],
]

for (const [first, second] of CHANGES) {
  journey(
    `a unique value that was stored as ${first} is taken while lookups are ${second}, resealed or not, and after going back`,
    async (place) => {
      const one = await open(place, first, '1')
      const owner = await one.register(VALUE)
      await one.privity.close()
      const two = await open(place, second, '2')
      expect(await refusal(two.register(VALUE))).toEqual(TAKEN)
      await two.accounts.update(owner, { login: VALUE })
      await two.privity.keys.reseal()
      expect(await refusal(two.register(VALUE))).toEqual(TAKEN)
      expect(await two.privity.keys.lookupsDue()).toBe(0)
      await two.privity.close()
      const three = await open(place, first, '3')
      expect(await refusal(three.register(VALUE))).toEqual(TAKEN)
      expect(await collect(three.accounts.find({ login: VALUE }))).toHaveLength(1)
      await three.privity.close()
    },
  )
}
