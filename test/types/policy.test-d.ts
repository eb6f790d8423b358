import { describe, expectTypeOf, test } from 'vitest'
import * as z from 'zod'
import type { Accessor, ManyAccessor, SingleAccessor } from '../../src/policy/accessor-types.ts'
import { definePolicy } from '../../src/policy/define-policy.ts'
import { defineRecord } from '../../src/policy/define-record.ts'
import { definePurposes } from '../../src/policy/purposes.ts'
import { statutory } from '../../src/policy/statutory.ts'
import type { PrivityTypeError } from '../../src/policy/type-error.ts'
import type {
  AllowedKeys,
  Input,
  PurposesOf,
  RefusedInput,
  RefusedWhere,
  SelectKey,
  UnsetKeys,
  View,
  Where,
} from '../../src/policy/view-types.ts'
import type { RetainedRecords } from '../../src/retention/retention.ts'

const purposes = definePurposes({
  support: { basis: 'contract', description: 'Answer your questions' },
  marketing: { basis: 'consent', description: 'Send you offers' },
  care: { basis: 'consent', description: 'Mind your allergies', explicit: true },
  clinic: { basis: 'contract', description: 'Treat you', article9: '9(2)(h)' },
})
const contact = defineRecord(purposes, ({ field }) => ({
  name: field(z.string(), { purposes: ['support', 'marketing'] }),
  email: field(z.email(), { purposes: ['support', 'marketing'], lookup: 'email' }),
  iban: field(z.string(), {
    purposes: ['support', 'marketing'],
    lookup: 'exact',
    views: { marketing: (v) => `****${v.slice(-4)}` as const },
  }),
  address: field(z.string(), { purposes: ['support'] }),
  phone: field(z.string().exactOptional(), { purposes: ['support'] }),
  nick: field(z.string().optional(), { purposes: ['support'] }),
  language: field(z.string().default('en'), { purposes: ['support'] }),
  born: field(
    z.codec(z.date(), z.iso.datetime(), {
      decode: (date) => date.toISOString(),
      encode: (text) => new Date(text),
    }),
    { purposes: ['support'] },
  ),
  allergies: field(z.string().exactOptional(), { purposes: ['care', 'clinic'], special: 'health' }),
}))
type F = typeof contact.fields

describe('what a purpose sees', () => {
  test('follows the purposes of each field', () => {
    expectTypeOf<PurposesOf<F['name']>>().toEqualTypeOf<'support' | 'marketing'>()
    expectTypeOf<AllowedKeys<F, 'marketing'>>().toEqualTypeOf<'name' | 'email' | 'iban'>()
    expectTypeOf<AllowedKeys<F, 'care'>>().toEqualTypeOf<'allergies'>()
    expectTypeOf<AllowedKeys<F, 'profiling'>>().toEqualTypeOf<never>()
  })

  test('is the intersection for several purposes, and nothing for one nobody knows', () => {
    expectTypeOf<AllowedKeys<F, 'support' | 'marketing'>>().toEqualTypeOf<
      'name' | 'email' | 'iban'
    >()
    expectTypeOf<AllowedKeys<F, 'support' | 'care'>>().toEqualTypeOf<never>()
    expectTypeOf<AllowedKeys<F, string>>().toEqualTypeOf<never>()
    expectTypeOf<AllowedKeys<F, never>>().toEqualTypeOf<never>()
    expectTypeOf<keyof View<F, string>>().toEqualTypeOf<never>()
  })

  test('is what the schema gives, through the view of the purpose', () => {
    expectTypeOf<View<F, 'marketing'>>().toEqualTypeOf<{
      readonly name: string
      readonly email: string
      readonly iban: `****${string}`
    }>()
    expectTypeOf<View<F, 'support'>>().toEqualTypeOf<{
      readonly name: string
      readonly email: string
      readonly iban: string
      readonly address: string
      readonly phone?: string
      readonly nick?: string | undefined
      readonly language: string
      readonly born: string
    }>()
  })

  test('is stored as what the schema takes', () => {
    expectTypeOf<Input<F, 'support'>>().toEqualTypeOf<{
      readonly name: string
      readonly email: string
      readonly iban: string
      readonly address: string
      readonly phone?: string
      readonly nick?: string | undefined
      readonly language?: string | undefined
      readonly born: Date
    }>()
    expectTypeOf<UnsetKeys<F, 'support'>>().toEqualTypeOf<'phone' | 'nick' | 'language'>()
  })

  test('is searched by fields with a lookup', () => {
    expectTypeOf<Where<F, 'support'>>().toEqualTypeOf<{
      readonly email?: string
      readonly iban?: string
    }>()
    expectTypeOf<keyof Where<F, 'care'>>().toEqualTypeOf<never>()
  })
})

declare const marketing: SingleAccessor<F, 'marketing'>

describe('what a purpose may not do is said in a sentence', () => {
  type NoAddress = PrivityTypeError<"field 'address' is not declared for purpose 'marketing'">

  test('for a field it does not serve', () => {
    expectTypeOf<RefusedInput<F, 'marketing'>['address']>().toEqualTypeOf<NoAddress | undefined>()
    expectTypeOf<SelectKey<F, 'marketing', 'address' | 'name'>>().toEqualTypeOf<
      NoAddress | 'name'
    >()
    expectTypeOf<keyof RefusedInput<F, 'support'>>().toEqualTypeOf<'allergies'>()
  })

  test('for a search it cannot make', () => {
    type Sentences = {
      [K in keyof RefusedWhere<F, 'marketing'>]-?: RefusedWhere<F, 'marketing'>[K]
    }
    expectTypeOf<Sentences['address']>().toEqualTypeOf<NoAddress>()
    expectTypeOf<Sentences['name']>().toEqualTypeOf<
      PrivityTypeError<"field 'name' has no lookup">
    >()
    expectTypeOf<Sentences['iban']>().toEqualTypeOf<
      PrivityTypeError<"purpose 'marketing' sees field 'iban' through a view, so it cannot search by it">
    >()
    expectTypeOf<'email' extends keyof Sentences ? true : false>().toEqualTypeOf<false>()
    expectTypeOf<
      'iban' extends keyof RefusedWhere<F, 'support'> ? true : false
    >().toEqualTypeOf<false>()
  })

  test('also where a variable hides what is too much', () => {
    const wide = { name: 'Anna', address: 'Keizersgracht 1' }
    // @ts-expect-error address is not declared for marketing
    void marketing.update('id', wide)
    // @ts-expect-error address is not declared for marketing
    void marketing.select('id', ['name', 'address'])
    // @ts-expect-error iban is seen through a view
    void marketing.find({ iban: 'NL91ABNA0417164300' })
  })
})

describe('an accessor', () => {
  const ticket = defineRecord(
    purposes,
    ({ field }) => ({
      text: field(z.string(), { purposes: ['support'], lookup: 'exact' }),
      note: field(z.string().optional(), { purposes: ['care'] }),
    }),
    { many: true },
  )
  type R = { readonly contact: typeof contact; readonly ticket: typeof ticket }

  test('is of one record or of many', () => {
    expectTypeOf<Accessor<R, 'support'>['contact']>().toEqualTypeOf<SingleAccessor<F, 'support'>>()
    expectTypeOf<Accessor<R, 'support'>['ticket']>().toEqualTypeOf<
      ManyAccessor<typeof ticket.fields, 'support'>
    >()
  })

  test('takes the arguments of many records by position', () => {
    type Many = Accessor<R, 'support'>['ticket']
    expectTypeOf<Parameters<Many['update']>['length']>().toEqualTypeOf<3 | 4>()
    expectTypeOf<Parameters<Many['select']>['length']>().toEqualTypeOf<3 | 4>()
    const use = async (many: Many) => {
      await many.update('id', 'record', { text: 'x' }, { operationId: 'once' })
      expectTypeOf(await many.select('id', 'record', ['text'])).toEqualTypeOf<{
        readonly text: string
      }>()
      // @ts-expect-error note is not declared for support
      await many.select('id', 'record', ['note'])
      // @ts-expect-error note is not declared for support
      await many.update('id', 'record', { note: 'x' })
      // @ts-expect-error nothing to change
      await many.update('id', 'record')
    }
    void use
  })

  test('creates only where its purpose covers what is required, and says what it lacks', () => {
    type Lacks<
      P extends string,
      K extends string,
    > = PrivityTypeError<`purpose '${P}' cannot create: it does not see the required field '${K}'`>
    expectTypeOf<Accessor<R, 'support'>['contact']['create']>().toBeFunction()
    expectTypeOf<Accessor<R, 'support'>['ticket']['create']>().toBeFunction()
    expectTypeOf<Accessor<R, 'marketing'>['contact']['create']>().toEqualTypeOf<
      Lacks<'marketing', 'address' | 'born'>
    >()
    expectTypeOf<Accessor<R, 'support' | 'marketing'>['contact']['create']>().toEqualTypeOf<
      Lacks<'support' | 'marketing', 'address' | 'born'>
    >()
    expectTypeOf<Accessor<R, 'care'>['ticket']['create']>().toEqualTypeOf<Lacks<'care', 'text'>>()
  })

  test('is a sentence where its purpose sees no field of the record', () => {
    type Sees<P extends string> =
      PrivityTypeError<`purpose '${P}' sees no field of record 'ticket'`>
    expectTypeOf<Accessor<R, 'marketing'>['ticket']>().toEqualTypeOf<Sees<'marketing'>>()
    expectTypeOf<Accessor<R, string>['ticket']>().toEqualTypeOf<Sees<string>>()
    // Each sees some of it, though not the same: what is read is not known, and still given.
    type Both = Accessor<R, 'support' | 'care'>['ticket']
    expectTypeOf<Both>().toEqualTypeOf<ManyAccessor<typeof ticket.fields, 'support' | 'care'>>()
    expectTypeOf<Accessor<R, 'support' | 'marketing'>['ticket']>().toEqualTypeOf<
      Sees<'marketing'>
    >()
  })
})

describe('a purpose does not compile', () => {
  test('with an option nobody knows, or for another basis', () => {
    // @ts-expect-error a purpose has no option 'explict'
    definePurposes({ a: { basis: 'consent', description: 'x', explict: true } })
    // @ts-expect-error 'explicit' is for the basis consent only
    definePurposes({ a: { basis: 'contract', description: 'x', explicit: true } })
    // @ts-expect-error a basis nobody knows
    definePurposes({ a: { basis: 'because', description: 'x' } })
    // @ts-expect-error what the person is told is missing
    definePurposes({ a: { basis: 'consent' } })
    // @ts-expect-error a duration of weeks
    definePurposes({ a: { basis: 'consent', description: 'x', validFor: { weeks: 1 } } })
    definePurposes({
      a: { basis: 'consent', description: 'x', validFor: { days: 1 }, explicit: true },
    })
  })
})

describe('a field does not compile', () => {
  test('with options that contradict each other', () => {
    defineRecord(purposes, ({ field }) => ({
      // @ts-expect-error a view for a purpose that the field does not serve
      a: field(z.string(), { purposes: ['support'], views: { marketing: (v: string) => v } }),
      // @ts-expect-error a special field has no lookup
      b: field(z.string(), { purposes: ['care'], special: 'health', lookup: 'exact' }),
      // @ts-expect-error a lookup needs a string
      c: field(z.number(), { purposes: ['support'], lookup: 'exact' }),
      // @ts-expect-error marketing has no ground for a special category
      d: field(z.string(), { purposes: ['care', 'marketing'], special: 'health' }),
      // @ts-expect-error an option nobody knows
      e: field(z.string(), { purposes: ['support'], retention: 3 }),
      // @ts-expect-error purposes are missing
      f: field(z.string(), {}),
      // @ts-expect-error purposes that are not known as literals
      g: field(z.string(), { purposes: ['support' as string] }),
    }))
  })

  test('with an output that is not JSON', () => {
    defineRecord(purposes, ({ field }) => ({
      // @ts-expect-error a date
      a: field(z.date(), { purposes: ['support'] }),
      // @ts-expect-error a date or nothing
      b: field(z.date().optional(), { purposes: ['support'] }),
      // @ts-expect-error a bigint
      c: field(z.bigint(), { purposes: ['support'] }),
      // @ts-expect-error a map
      d: field(z.map(z.string(), z.string()), { purposes: ['support'] }),
      // @ts-expect-error a set
      e: field(z.set(z.string()), { purposes: ['support'] }),
      // @ts-expect-error a promise
      f: field(z.promise(z.string()), { purposes: ['support'] }),
    }))
  })

  test('under a name that is reserved', () => {
    defineRecord(purposes, ({ field }) => ({
      ok: field(z.string(), { purposes: ['support'] }),
      // @ts-expect-error a view with a then would be called as a promise
      then: field(z.string(), { purposes: ['support'] }),
    }))
  })
})

test('any JSON schema compiles', () => {
  const record = defineRecord(purposes, ({ field }) => ({
    any: field(z.any(), { purposes: ['support'] }),
    unknown: field(z.unknown(), { purposes: ['support'] }),
    object: field(z.object({ a: z.string().optional(), b: z.array(z.number()) }), {
      purposes: ['support'],
    }),
    date: field(
      z.date().transform((date) => date.toISOString()),
      {
        purposes: ['support', 'marketing'],
        views: { marketing: (v) => v.slice(0, 4) },
      },
    ),
    json: field(z.json(), { purposes: ['support'] }),
    choice: field(z.enum(['a', 'b']).nullable(), { purposes: ['support'], lookup: 'nfkc-lower' }),
    branded: field(z.string().brand<'Iban'>(), { purposes: ['support'], lookup: 'exact' }),
  }))
  expectTypeOf<View<typeof record.fields, 'marketing'>>().toEqualTypeOf<{ readonly date: string }>()
})

describe('a policy does not compile', () => {
  const controller = { id: 'a', name: 'A', contact: 'a', country: 'NL' }

  test('with a record whose fields name purposes it does not declare', () => {
    const other = definePurposes({ profiling: { basis: 'consent', description: 'Guess' } })
    const guess = defineRecord(other, ({ field }) => ({
      age: field(z.number(), { purposes: ['profiling'] }),
    }))
    definePolicy({
      controller,
      purposes,
      // @ts-expect-error a field of record 'guess' names the purpose 'profiling'
      records: { contact, guess },
      roles: {},
    })
  })

  test('with a record under a reserved name', () => {
    definePolicy({
      controller,
      purposes,
      // @ts-expect-error the name 'then' is reserved
      records: { then: contact },
      roles: {},
    })
  })

  test('with an option nobody knows', () => {
    definePolicy({
      controller,
      purposes,
      records: { contact },
      roles: {},
      // @ts-expect-error tenants are chosen when privity is created
      tenant: 'x',
    })
  })
})

describe('a lookup', () => {
  const iban = {
    name: 'iban',
    version: 1,
    normalise: (text: string) => text.toUpperCase(),
  } as const
  const shop = defineRecord(
    purposes,
    ({ field }) => ({
      name: field(z.string(), { purposes: ['support', 'marketing'] }),
      city: field(z.string(), { purposes: ['support', 'marketing'] }),
      vip: field(z.boolean(), { purposes: ['support'] }),
      email: field(z.email(), {
        purposes: ['support', 'marketing'],
        lookup: { by: 'email', people: 1_000_000, unique: true },
      }),
      phone: field(z.string().exactOptional(), {
        purposes: ['support', 'marketing'],
        lookup: { by: 'phone-e164', endsWith: 4 },
        views: { marketing: (v) => v.slice(-2) },
      }),
      iban: field(z.string(), {
        purposes: ['support'],
        lookup: { by: iban, startsWith: 2 },
      }),
      code: field(z.string(), {
        purposes: ['support'],
        lookup: { by: { name: 'code', version: 1, normalise: (text) => text.trim() } },
      }),
    }),
    {
      lookups: {
        nameAndCity: { by: { name: 'nfkc-lower', city: 'nfkc-lower' }, people: 1_000_000 },
        vipInCity: { by: { city: 'nfkc-lower', vip: 'exact' } },
      },
    },
  )
  type R = { readonly shop: typeof shop }
  const support = {} as Accessor<R, 'support'>['shop']
  const offers = {} as Accessor<R, 'marketing'>['shop']

  test('is searched by values, by the parts it has, and by fields together', () => {
    void (() => {
      support.find({ email: 'a@b.example' })
      support.find({ phone: '+31' })
      support.find({ phone: { endsWith: '1234' } })
      support.find({ iban: { startsWith: 'NL' } })
      support.find({ code: 'x' })
      support.find({ name: 'Anna', city: 'Bonn' })
      support.find({ city: 'Bonn', vip: true })
      support.find({ name: 'Anna', city: 'Bonn', vip: false, email: 'a@b.example' })
      offers.find({ name: 'Anna', city: 'Bonn' })
    })
  })

  test('does not compile in a search that it cannot answer', () => {
    void (() => {
      // @ts-expect-error e-mail has no lookup for its beginning
      support.find({ email: { startsWith: 'anna' } })
      // @ts-expect-error a phone number has none either
      support.find({ phone: { startsWith: '+31' } })
      // @ts-expect-error a part is a text
      support.find({ phone: { endsWith: 1234 } })
      // @ts-expect-error nobody knows this part
      support.find({ phone: { contains: '12' } })
      // @ts-expect-error a name alone is in no lookup
      support.find({ name: 'Anna' })
      // @ts-expect-error a name and a flag are in no lookup together
      support.find({ name: 'Anna', vip: true })
      // @ts-expect-error a flag is not a text
      support.find({ city: 'Bonn', vip: 'yes' })
      // @ts-expect-error marketing does not see the flag
      offers.find({ city: 'Bonn', vip: true })
      // @ts-expect-error marketing sees phone through a view
      offers.find({ phone: { endsWith: '1234' } })
    })
  })

  test('is refused with fewer than 16 people, on fields there are not, and with options nobody knows', () => {
    defineRecord(purposes, ({ field }) => ({
      // @ts-expect-error fewer than 16 people cannot hide among each other
      a: field(z.string(), { purposes: ['support'], lookup: { by: 'email', people: 15 } }),
      // @ts-expect-error a normaliser nobody knows
      b: field(z.string(), { purposes: ['support'], lookup: { by: 'soundex' } }),
      // @ts-expect-error a lookup needs a string
      c: field(z.boolean(), { purposes: ['support'], lookup: { by: 'exact' } }),
      // @ts-expect-error a special field has no lookup
      d: field(z.string(), { purposes: ['care'], special: 'health', lookup: { by: 'exact' } }),
      // @ts-expect-error unique is left out or true
      e: field(z.string(), { purposes: ['support'], lookup: { by: 'exact', unique: false } }),
    }))
    defineRecord(
      purposes,
      ({ field }) => ({ a: field(z.string(), { purposes: ['support'] }) }),
      // @ts-expect-error the record has no field 'b'
      { lookups: { both: { by: { a: 'exact', b: 'exact' } } } },
    )
  })
})

describe('retention', () => {
  const kept = { keep: { years: 2 }, from: 'created' } as const

  test('is declared with the types of the field', () => {
    const order = defineRecord(
      purposes,
      ({ field }) => ({
        amount: field(z.int(), {
          purposes: ['support'],
          retention: kept,
          floor: [statutory('NL.tax', { from: 'created' }), { ...kept, ground: 'law' }],
          atEnd: { anonymise: (plain) => Math.round(plain / 10) },
        }),
      }),
      { many: true, events: ['closed'], retention: { ...kept, from: 'closed' } },
    )
    type Records = { readonly order: typeof order; readonly contact: typeof contact }
    expectTypeOf<RetainedRecords<Records>>().toEqualTypeOf<'order'>()
    definePurposes({ a: { basis: 'contract', description: 'a', retention: kept } })
  })

  test('is refused with what it has not', () => {
    defineRecord(purposes, ({ field }) => ({
      // @ts-expect-error a floor has a ground
      a: field(z.string(), { purposes: ['support'], floor: kept }),
      // @ts-expect-error what becomes of it is erased or anonymised
      b: field(z.string(), { purposes: ['support'], atEnd: 'keep' }),
      // @ts-expect-error a number is not rounded like a text
      c: field(z.string(), { purposes: ['support'], atEnd: { anonymise: (a: number) => a } }),
      // @ts-expect-error weeks are no unit
      d: field(z.string(), { purposes: ['support'], retention: { keep: { weeks: 1 }, from: 'a' } }),
    }))
    // @ts-expect-error a duty nobody knows
    statutory('US.tax', { from: 'created' })
    // @ts-expect-error it counts from something
    statutory('NL.tax', {})
  })
})

describe('whom data is about', () => {
  const ticket = defineRecord(
    purposes,
    ({ field }) => ({ text: field(z.string(), { purposes: ['support'] }) }),
    { many: true },
  )
  const note = defineRecord(
    purposes,
    ({ field }) => ({
      ticketId: field(z.string(), { purposes: ['support'] }),
      agentId: field(z.string(), {
        purposes: ['support'],
        lookup: 'exact',
        refs: { onErase: 'retain', reason: 'tax', reviewAt: '2027-06-30' },
      }),
      friendId: field(z.string().exactOptional(), {
        purposes: ['support'],
        lookup: { by: 'exact', people: 1_000 },
        refs: { onErase: 'detach' },
      }),
      partner: field(z.string(), {
        purposes: ['support'],
        lookup: 'exact',
        refs: { onErase: 'anonymise' },
        atEnd: { anonymise: (plain) => plain.slice(0, 1) },
        waiver: { reason: 'a brand', reviewAt: '2027-06-30' },
      }),
    }),
    { many: true, ownedBy: { record: 'ticket', field: 'ticketId', onErase: 'delete' } },
  )
  const rest = {
    controller: { id: 'a', name: 'A', contact: 'a', country: 'NL' },
    purposes,
    roles: {},
  } as const

  test('is declared, with what is kept elsewhere', () => {
    const policy = definePolicy({
      ...rest,
      records: { ticket, note },
      collections: {
        orders: { hook: 'shop' },
        logs: { waiver: { reason: 'gone in a week', reviewAt: '2027-06-30' } },
      },
    })
    for (const finding of policy.explain({ at: '2027-07-01T00:00:00Z' }))
      if (finding.kind === 'collection') expectTypeOf(finding.collection).toEqualTypeOf<string>()
      else expectTypeOf(finding.record).toEqualTypeOf<string>()
    expectTypeOf<Accessor<{ readonly note: typeof note }, 'support'>['note']>().toEqualTypeOf<
      ManyAccessor<typeof note.fields, 'support'>
    >()
  })

  test('does not compile for a field that cannot carry it out', () => {
    defineRecord(purposes, ({ field }) => ({
      // @ts-expect-error refs needs a lookup
      a: field(z.string(), { purposes: ['support'], refs: { onErase: 'delete' } }),
      // @ts-expect-error and that by exact values
      b: field(z.string(), { purposes: ['support'], lookup: 'email', refs: { onErase: 'delete' } }),
      // @ts-expect-error what is retained has a reason and a day of review
      c: field(z.string(), { purposes: ['support'], lookup: 'exact', refs: { onErase: 'retain' } }),
      d: field(z.string(), {
        purposes: ['support'],
        lookup: 'exact',
        // @ts-expect-error what is anonymised needs a function
        refs: { onErase: 'anonymise' },
      }),
      e: field(z.string(), {
        purposes: ['support'],
        lookup: 'exact',
        // @ts-expect-error a verb of shared records
        refs: { onErase: 'refcount' },
      }),
      // @ts-expect-error a waiver has a day of review
      f: field(z.string(), { purposes: ['support'], waiver: { reason: 'a brand' } }),
    }))
  })

  test('does not compile for an owner that a record cannot name', () => {
    defineRecord(
      purposes,
      ({ field }) => ({ a: field(z.string(), { purposes: ['support'] }) }),
      // @ts-expect-error the record has no field 'b'
      { many: true, ownedBy: { record: 'ticket', field: 'b', onErase: 'delete' } },
    )
    defineRecord(
      purposes,
      ({ field }) => ({ a: field(z.string(), { purposes: ['support'] }) }),
      // @ts-expect-error a person has many of what is a part
      { ownedBy: { record: 'ticket', field: 'a', onErase: 'delete' } },
    )
    defineRecord(
      purposes,
      ({ field }) => ({ a: field(z.string(), { purposes: ['support'] }) }),
      // @ts-expect-error a verb of references
      { sharedWith: { onErase: 'detach' } },
    )
    definePolicy({
      ...rest,
      // @ts-expect-error record 'note' is owned by 'ticket', which the policy does not declare
      records: { note },
    })
  })

  test('does not compile for data elsewhere that nobody reaches and nobody waives', () => {
    const waiver = { reason: 'gone in a week', reviewAt: '2027-06-30' }
    definePolicy({
      ...rest,
      records: {},
      collections: {
        // @ts-expect-error neither
        none: {},
        // @ts-expect-error both
        both: { hook: 'shop', waiver },
      },
    })
  })
})
