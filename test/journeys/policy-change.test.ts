import { expect } from 'vitest'
import * as z from 'zod'
import {
  type AnyPrivityError,
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  type LegalBasis,
  localKeys,
  type NoticeRef,
} from 'privity'
import { caught, collect, controller, eagerClock, refusal, SECRET } from '../support/acme.ts'
import { journey, type Place } from '../support/stores.ts'

/** How one deployment declares a field of the contact. */
interface FieldPlan {
  readonly purposes: readonly PurposeName[]
  readonly schema?: z.ZodType
  readonly id?: string
  readonly lookup?: 'email' | 'exact' | 'nfkc-lower'
}
type PurposeName = 'support' | 'marketing'
type Fields = { readonly [name: string]: FieldPlan }

/** One deployment of the app: its policy, and an instance over the store. */
interface Deployment {
  readonly support: Contact
  readonly marketing: Contact
  readonly privity: Awaited<ReturnType<typeof openPlain>>
  /** A yes on paper to marketing. */
  agree(id: string): Promise<void>
}

/** The accessor of a policy whose fields only the test knows. */
interface Contact {
  create(id: string, value: object): Promise<void>
  read(id: string): Promise<object>
  select(id: string, keys: readonly string[]): Promise<object>
  update(id: string, changes: object, options?: object): Promise<void>
  find(where: object): AsyncIterable<{ readonly subjectId: string }>
  list(): AsyncIterable<{ readonly view: object }>
}

interface Plan {
  readonly fields: Fields
  readonly marketing?: LegalBasis
  readonly version?: string
}

const ACTOR = { id: 'staff:ida', roles: ['all'] }
const BOTH = ['support', 'marketing'] as const
const BEFORE: Fields = {
  name: { purposes: BOTH },
  email: { purposes: BOTH, lookup: 'email' },
  address: { purposes: ['support'] },
}
const ANNA = { name: 'Anna', email: 'anna@example.com', address: 'Keizersgracht 1' }

function policyOf({ fields, marketing = 'consent', version }: Plan) {
  const purposes = definePurposes({
    support: { basis: 'contract', description: 'Help' },
    marketing: { basis: marketing, description: 'Offers' },
  })
  const contact = defineRecord(purposes, ({ field }) =>
    Object.fromEntries(
      Object.entries(fields).map(([name, { schema = z.string(), purposes: named, ...options }]) => [
        name,
        field(schema as z.ZodString, { ...options, purposes: named as ['support'] }),
      ]),
    ),
  )
  return definePolicy({
    controller,
    purposes,
    records: { contact },
    roles: { all: { purposes: BOTH } },
    ...(version === undefined ? {} : { version }),
  })
}

function openPlain(place: Place, plan: Plan) {
  const options = { keys: localKeys(SECRET), clock: eagerClock() }
  return createPrivity({ policy: policyOf(plan), store: place.store(), ...options })
}

async function deploy(place: Place, plan: Plan): Promise<Deployment> {
  const privity = await openPlain(place, plan)
  const accessor = (purpose: PurposeName): Contact =>
    privity.accessor({ purpose, actor: ACTOR }).contact as unknown as Contact
  return {
    privity,
    support: accessor('support'),
    marketing: accessor('marketing'),
    agree: async (id) => {
      const notice: NoticeRef = await privity.notices.publish({
        id: 'privacy',
        version: '1',
        texts: { en: 'words' },
      })
      const method = { channel: 'paper' } as const
      await privity.consent.give(id, { purposes: ['marketing'], notice, method })
    },
  }
}

/** The first deployment, with Anna, who said yes to marketing. */
async function deployWithAnna(
  place: Place,
  fields: Fields = BEFORE,
): Promise<{ readonly first: Deployment; readonly id: string }> {
  const first = await deploy(place, { fields })
  const { id } = await first.privity.subjects.register()
  await first.support.create(id, ANNA)
  await first.agree(id)
  return { first, id }
}

journey('a field added to a purpose stays invisible until consent is given anew', async (place) => {
  const { first, id } = await deployWithAnna(place)
  const second = await deploy(place, { fields: { ...BEFORE, address: { purposes: BOTH } } })
  expect(await caught(second.marketing.read(id))).toMatchObject({
    code: 'incomplete_record',
    details: { record: 'contact', fields: ['address'] },
  })
  expect(await second.marketing.select(id, ['name', 'email'])).toEqual({
    name: 'Anna',
    email: ANNA.email,
  })
  expect(await refusal(second.marketing.select(id, ['address']))).toMatchObject({
    code: 'incomplete_record',
  })
  expect(await collect(second.marketing.list())).toEqual([])
  expect(await second.support.read(id)).toEqual(ANNA)
  await second.agree(id)
  expect(await second.marketing.read(id)).toEqual(ANNA)
  await second.privity.close()
  await first.privity.close()
})

journey('a consent does not cover writing a field that its purpose had not then', async (place) => {
  const { first, id } = await deployWithAnna(place)
  await first.privity.close()
  const second = await deploy(place, { fields: { ...BEFORE, address: { purposes: BOTH } } })
  expect(await refusal(second.marketing.update(id, { address: 'x' }))).toMatchObject({
    code: 'not_permitted',
    details: { reason: 'no_basis' },
  })
  await second.agree(id)
  await second.marketing.update(id, { address: 'x' })
  await second.privity.close()
})

journey(
  'a consent goes on covering what it covered, for writing too, in a new process',
  async (place) => {
    const { first, id } = await deployWithAnna(place)
    await first.privity.close()
    const second = await deploy(place, {
      fields: { ...BEFORE, phone: { purposes: ['support'], schema: z.string().exactOptional() } },
    })
    await second.marketing.update(id, { name: 'Anna B.' })
    expect(await second.marketing.read(id)).toEqual({ name: 'Anna B.', email: ANNA.email })
    await second.privity.close()
  },
)

journey(
  'an added field is absent when optional, and its default when it has one',
  async (place) => {
    const { first, id } = await deployWithAnna(place)
    await first.privity.close()
    const second = await deploy(place, {
      fields: {
        ...BEFORE,
        phone: { purposes: BOTH, schema: z.string().exactOptional() },
        language: { purposes: BOTH, schema: z.string().default('en') },
      },
    })
    expect(await second.support.read(id)).toEqual({ ...ANNA, language: 'en' })
    expect(await second.marketing.read(id)).toEqual({
      name: 'Anna',
      email: ANNA.email,
      language: 'en',
    })
    await second.support.update(id, { phone: '1', language: 'nl' })
    expect(await second.support.read(id)).toEqual({ ...ANNA, phone: '1', language: 'nl' })
    // What support wrote since is still not covered by the consent of then.
    expect(await second.marketing.read(id)).toEqual({
      name: 'Anna',
      email: ANNA.email,
      language: 'en',
    })
    await second.privity.close()
  },
)

journey(
  'a required field that was added makes old records incomplete until it is written',
  async (place) => {
    const { first, id } = await deployWithAnna(place)
    await first.privity.close()
    const second = await deploy(place, {
      fields: { ...BEFORE, city: { purposes: ['support'] } },
    })
    expect(await refusal(second.support.read(id))).toEqual({
      code: 'incomplete_record',
      details: { record: 'contact', fields: ['city'] },
    })
    await second.support.update(id, { city: 'Amsterdam' })
    expect(await second.support.read(id)).toEqual({ ...ANNA, city: 'Amsterdam' })
    await second.privity.close()
  },
)

journey('a field that moves between classes is seen by its new purposes only', async (place) => {
  const { first, id } = await deployWithAnna(place)
  await first.privity.close()
  const moved: Fields = {
    ...BEFORE,
    name: { purposes: ['support'] },
    address: { purposes: BOTH },
  }
  const second = await deploy(place, { fields: moved })
  expect(await second.support.read(id)).toEqual(ANNA)
  expect(await second.marketing.select(id, ['email'])).toEqual({ email: ANNA.email })
  expect(await refusal(second.marketing.select(id, ['name']))).toMatchObject({
    code: 'not_permitted',
    details: { reason: 'field_not_in_purpose' },
  })
  await second.support.update(id, { email: 'anna@new.example' })
  expect(await second.support.read(id)).toEqual({ ...ANNA, email: 'anna@new.example' })
  await second.agree(id)
  expect(await second.marketing.read(id)).toEqual({
    email: 'anna@new.example',
    address: ANNA.address,
  })
  await second.privity.close()
})

journey('a field that was removed and came back still has its value', async (place) => {
  const { first, id } = await deployWithAnna(place)
  await first.privity.close()
  const { address, ...without } = BEFORE
  const second = await deploy(place, { fields: without })
  expect(await second.support.read(id)).toEqual({ name: 'Anna', email: ANNA.email })
  await second.support.update(id, { name: 'Anna B.' })
  await second.privity.close()

  const third = await deploy(place, {
    fields: { ...without, address: address ?? { purposes: ['support'] } },
    version: 'again',
  })
  expect(await third.support.read(id)).toEqual({ ...ANNA, name: 'Anna B.' })
  await third.privity.close()
})

journey('a field is renamed by its id', async (place) => {
  const { first, id } = await deployWithAnna(place)
  await first.privity.close()
  const { email = { purposes: BOTH }, ...others } = BEFORE
  const second = await deploy(place, { fields: { ...others, mail: { ...email, id: 'email' } } })
  const { name, address } = ANNA
  expect(await second.support.read(id)).toEqual({ name, address, mail: ANNA.email })
  expect(await collect(second.support.find({ mail: 'ANNA@example.com' }))).toHaveLength(1)
  await second.support.update(id, { mail: 'anna@new.example' })
  expect(await collect(second.support.find({ mail: ANNA.email }))).toEqual([])
  expect(await second.marketing.read(id)).toEqual({ name, mail: 'anna@new.example' })
  await second.privity.close()
})

journey('a lookup that came back after a change finds what is stored now', async (place) => {
  const { first, id } = await deployWithAnna(place)
  await first.privity.close()
  const plain: Fields = { ...BEFORE, email: { purposes: BOTH } }
  const second = await deploy(place, { fields: plain })
  await second.support.update(id, { email: 'anna@new.example' })
  await second.privity.close()

  const third = await deploy(place, { fields: BEFORE, version: 'again' })
  expect(await collect(third.support.find({ email: ANNA.email }))).toEqual([])
  await third.support.update(id, { email: 'anna@third.example' })
  expect(await collect(third.support.find({ email: 'anna@third.example' }))).toHaveLength(1)
  await third.privity.close()
})

journey(
  'no lookup row tells of a value that is gone, whatever the policy was when it changed',
  async (place) => {
    const { first, id } = await deployWithAnna(place)
    await first.privity.close()
    const second = await deploy(place, { fields: { ...BEFORE, email: { purposes: BOTH } } })
    await second.support.update(id, { email: 'anna@new.example' })
    await second.privity.close()
    const tokens = (await place.rows()).filter(([key]) => key.split('/')[1] === 't')
    expect(tokens).toEqual([])
  },
)

journey(
  'a process with an older policy reads and withdraws, and writes nothing else',
  async (place) => {
    const { first, id } = await deployWithAnna(place)
    const second = await deploy(place, {
      fields: { ...BEFORE, phone: { purposes: ['support'], schema: z.string().exactOptional() } },
    })
    await second.support.update(id, { phone: '1', name: 'Anna B.' })
    const newest = second.privity.policy.hash
    const outdated = { code: 'policy_outdated', details: { newest } }

    expect(await first.support.read(id)).toEqual({ ...ANNA, name: 'Anna B.' })
    expect(await collect(first.support.find({ email: ANNA.email }))).toHaveLength(1)
    expect(await refusal(first.support.update(id, { name: 'x' }))).toEqual(outdated)
    expect(await refusal(first.privity.subjects.register())).toEqual(outdated)
    expect(await refusal(first.agree(id))).toEqual(outdated)
    const notice = { id: 'other', version: '1', texts: { en: 'words' } }
    expect(await refusal(first.privity.notices.publish(notice))).toEqual(outdated)
    // Writers of both kinds in one batch do not fail each other.
    const [refused, withdrawn] = await Promise.allSettled([
      first.support.update(id, { name: 'x' }),
      first.privity.consent.withdraw(id, { purposes: ['marketing'] }),
    ])
    expect(refused.status).toBe('rejected')
    expect(withdrawn.status).toBe('fulfilled')
    expect(await refusal(second.marketing.read(id))).toMatchObject({
      details: { reason: 'withdrawn' },
    })
    expect(await second.support.read(id)).toEqual({ ...ANNA, name: 'Anna B.', phone: '1' })
    expect(await second.privity.ledger.verify()).toMatchObject({ ok: true })
    await second.privity.close()
    await first.privity.close()

    const again = await deploy(place, { fields: BEFORE })
    expect(await again.support.read(id)).toEqual({ ...ANNA, name: 'Anna B.' })
    expect(await refusal(again.support.update(id, { name: 'x' }))).toEqual(outdated)
    await again.privity.close()
  },
)

journey('a process with an older policy can erase what a newer one stored', async (place) => {
  const { first, id } = await deployWithAnna(place)
  const second = await deploy(place, {
    fields: {
      ...BEFORE,
      phone: { purposes: BOTH, lookup: 'exact', schema: z.string().exactOptional() },
    },
  })
  await second.support.update(id, { phone: '1' })
  await first.privity.erasure.erase(id, { reason: 'subject_request' })
  const rows = (await place.rows()).filter(([key]) => key.includes(id))
  expect(rows).toHaveLength(1)
  expect(await collect(second.support.find({ phone: '1' }))).toEqual([])
  await second.privity.close()
  await first.privity.close()
})

journey('older content becomes the newest policy again under another version', async (place) => {
  const { first, id } = await deployWithAnna(place)
  const second = await deploy(place, { fields: { ...BEFORE, address: { purposes: BOTH } } })
  const third = await deploy(place, { fields: BEFORE, version: 'back' })
  await third.support.update(id, { name: 'Anna B.' })
  expect(await third.marketing.read(id)).toEqual({ name: 'Anna B.', email: ANNA.email })
  expect(await refusal(second.support.update(id, { name: 'x' }))).toMatchObject({
    code: 'policy_outdated',
  })
  for (const { privity } of [first, second, third]) await privity.close()
})

const KEPT: readonly {
  readonly after: string
  readonly no: (deployment: Deployment, id: string) => Promise<unknown>
  readonly from: LegalBasis
  readonly to: readonly LegalBasis[]
}[] = [
  {
    after: 'withdrawn',
    no: ({ privity }, id) => privity.consent.withdraw(id, { purposes: ['marketing'] }),
    from: 'consent',
    to: ['legitimate_interests', 'contract', 'legal_obligation', 'vital_interests', 'public_task'],
  },
  {
    after: 'objected',
    no: ({ privity }, id) => privity.consent.withdraw(id, { purposes: ['marketing'] }),
    from: 'legitimate_interests',
    to: ['consent', 'contract', 'public_task'],
  },
]

for (const { after, no, from, to } of KEPT) {
  journey(
    `what was ${after} under ${from} goes on denying under any other basis`,
    async (place) => {
      const first = await deploy(place, { fields: BEFORE, marketing: from })
      const { id } = await first.privity.subjects.register()
      await first.support.create(id, ANNA)
      await no(first, id)
      await first.privity.close()
      for (const basis of to) {
        const next = await deploy(place, { fields: BEFORE, marketing: basis })
        const error: AnyPrivityError = await caught(next.marketing.read(id))
        expect({ basis, details: error.details }).toMatchObject({
          details: { reasons: expect.arrayContaining([after]) },
        })
        expect(await next.privity.consent.status(id, 'marketing')).toMatchObject({ permits: false })
        await next.privity.close()
      }
    },
  )
}

journey('a refusal goes on denying under any other basis', async (place) => {
  const first = await deploy(place, { fields: BEFORE })
  const { id } = await first.privity.subjects.register()
  await first.support.create(id, ANNA)
  const texts = { en: 'words' }
  const notice = await first.privity.notices.publish({ id: 'privacy', version: '1', texts })
  const method = { channel: 'paper' } as const
  await first.privity.consent.refuse(id, { purposes: ['marketing'], notice, method })
  await first.privity.close()
  const next = await deploy(place, { fields: BEFORE, marketing: 'legitimate_interests' })
  expect(await refusal(next.marketing.read(id))).toMatchObject({
    details: { reasons: ['refused'] },
  })
  await next.privity.close()
})

journey('a process that has never read learns the layouts and classes of others', async (place) => {
  const first = await deploy(place, { fields: BEFORE })
  const second = await deploy(place, {
    fields: {
      name: { purposes: ['marketing', 'support'] },
      email: { purposes: ['support'], lookup: 'email' },
      address: { purposes: ['marketing'], schema: z.string().exactOptional() },
    },
  })
  const { id } = await second.privity.subjects.register()
  await second.support.create(id, { name: 'Anna', email: ANNA.email })
  await second.agree(id)
  await second.marketing.update(id, { address: 'hers' })
  // Under its own policy, the first process shows the address to support.
  expect(await first.support.read(id)).toEqual({
    name: 'Anna',
    email: ANNA.email,
    address: 'hers',
  })
  await second.privity.close()
  await first.privity.close()
})

journey('two deployments that open a new store at once agree on it', async (place) => {
  const fields = { ...BEFORE, address: { purposes: BOTH } }
  const [first, second, third] = await Promise.all([
    deploy(place, { fields: BEFORE }),
    deploy(place, { fields }),
    deploy(place, { fields: BEFORE }),
  ])
  expect(first.privity.ledger.origin).toBe(second.privity.ledger.origin)
  const writers = await Promise.allSettled(
    [first, second, third].map(({ privity }) => privity.subjects.register()),
  )
  expect(writers.some(({ status }) => status === 'fulfilled')).toBe(true)
  expect(await first.privity.ledger.verify()).toMatchObject({ ok: true, faults: [] })
  for (const { privity } of [first, second, third]) await privity.close()
})
