import { expect } from 'vitest'
import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  type ErasureHook,
  localKeys,
} from 'privity'
import { collect, controller, fakeClock, type FakeClock, refusal, SECRET } from '../support/acme.ts'
import { scriptedHook } from '../support/scripted-hook.ts'
import { journey, type Place, storesOf } from '../support/stores.ts'

const TEXT = z.string().exactOptional()
const DAY = 86_400_000
const support = { basis: 'contract', description: 'Answer you' } as const
const news = { basis: 'legitimate_interests', description: 'Send you news' } as const

type Version = 'as asked' | 'field dropped' | 'field renamed' | 'purpose dropped' | 'both dropped'

let versions = 0

function policyOf(version: Version): unknown {
  versions += 1
  const hasNews = version !== 'purpose dropped' && version !== 'both dropped'
  const hasField = version !== 'field dropped' && version !== 'both dropped'
  const name = version === 'field renamed' ? 'pastime' : 'hobby'
  const purposes = definePurposes({ support, ...(hasNews ? { news } : {}) })
  const contact = defineRecord(purposes, ({ field }) => ({
    name: field(TEXT, { purposes: ['support'] }),
    ...(hasField
      ? { [name]: field(TEXT, { purposes: [hasNews ? 'news' : 'support'] as never }) }
      : {}),
  }))
  return definePolicy({
    controller,
    version: String(versions),
    purposes,
    records: { contact },
    roles: { agent: { purposes: ['support', ...(hasNews ? ['news' as never] : [])] } },
  })
}

interface Contact {
  create(id: string, value: object): Promise<void>
  read(id: string): Promise<object>
  update(id: string, value: object): Promise<void>
}

async function open(
  place: Place,
  clock: FakeClock,
  { version, hooks }: { readonly version: Version; readonly hooks: readonly ErasureHook[] },
) {
  const privity = await createPrivity({
    policy: policyOf(version) as never,
    ...storesOf(place.store()),
    keys: localKeys(SECRET),
    clock,
    hooks,
  })
  const actor = { id: 'staff:ida', roles: ['agent'] }
  const as = (purpose: string): Contact =>
    (privity.accessor({ purpose, actor } as never) as { readonly contact: Contact }).contact
  return { privity, as }
}

function claimsOf(certificate: string): object {
  return JSON.parse(Buffer.from(certificate.split('.')[1] ?? '', 'base64url').toString())
}

const SCOPES = {
  field: { records: [{ record: 'contact', fields: ['hobby'] }] },
  purpose: { purpose: 'news' },
} as const
const CHANGES: readonly (readonly [keyof typeof SCOPES, Version])[] = [
  ['field', 'field dropped'],
  ['field', 'field renamed'],
  ['purpose', 'field dropped'],
  ['purpose', 'field renamed'],
  ['purpose', 'both dropped'],
]

for (const [scope, version] of CHANGES) {
  journey(
    `a ${scope} whose erasure was held up goes under a policy with the ${version}`,
    async (place) => {
      const clock = fakeClock()
      let isDown = true
      const hook = scriptedHook({
        needsPlaintext: true,
        partial: true as never,
        execute: () => (isDown ? { blocked: 'maintenance' } : 'done'),
      })
      const hooks = [hook]
      const before = await open(place, clock, { version: 'as asked', hooks })
      const { id } = await before.privity.subjects.register()
      await before.as('support').create(id, { name: 'Anna' })
      await before.as('news').update(id, { hobby: 'chess' })
      const ask = { reason: 'subject_request', scope: SCOPES[scope] } as never
      await refusal(before.privity.erasure.erase(id, ask))
      await before.privity.close()
      isDown = false
      clock.advance(2 * DAY)
      const after = await open(place, clock, { version, hooks })
      expect(await after.privity.erasure.work()).toMatchObject({ completed: 1 })
      const [stored] = await collect(after.privity.erasure.certificates({ subjectId: id }))
      expect(claimsOf(stored?.certificate ?? '')).toMatchObject({
        result: 'completed',
        exclusions: [],
        method: expect.arrayContaining([
          expect.objectContaining({ kind: 'physical_delete', fields: 1 }),
        ]),
      })
      expect(JSON.stringify(claimsOf(stored?.certificate ?? ''))).not.toContain('asked')
      await after.privity.close()
      const back = await open(place, clock, { version: 'as asked', hooks })
      expect(await back.as('news').read(id)).toEqual({})
      expect(await back.as('support').read(id)).toEqual({ name: 'Anna' })
      await back.privity.close()
    },
  )
}

journey(
  'what another purpose came to need since its erasure was asked for stays, and the certificate says so',
  async (place) => {
    const clock = fakeClock()
    const before = await open(place, clock, { version: 'as asked', hooks: [] })
    const { id } = await before.privity.subjects.register()
    await before.as('support').create(id, { name: 'Anna' })
    await before.as('news').update(id, { hobby: 'chess' })
    const ask = { reason: 'subject_request', scope: SCOPES.purpose } as never
    const plan = await before.privity.erasure.plan(id, ask)
    await before.privity.close()
    const after = await open(place, clock, { version: 'purpose dropped', hooks: [] })
    expect(claimsOf(await after.privity.erasure.run(plan))).toMatchObject({
      result: expect.not.stringMatching('^completed$'),
      exclusions: [{ what: 'contact.hobby', ground: 'purpose:support', count: 1, until: null }],
    })
    expect(await after.as('support').read(id)).toEqual({ name: 'Anna', hobby: 'chess' })
    await after.privity.close()
  },
)
