import { expect } from 'vitest'
import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  type Field,
  localKeys,
  type Policy,
  type Privity,
  type PrivityOptions,
  type RecordType,
  type Store,
} from 'privity'
import { verifyCertificate } from 'privity/verify'
import { controller, eagerClock, SECRET } from './acme.ts'
import { storesOf } from './stores.ts'

// Types are written out: this file is read by others, and inferred exports are refused here.

/** What a household is asked for. */
export type HomePurposes = {
  readonly home: { readonly basis: 'contract'; readonly description: string }
  readonly offers: {
    readonly basis: 'consent'
    readonly description: string
    readonly erasureGrace: { readonly days: 0 }
  }
  readonly books: { readonly basis: 'legal_obligation'; readonly description: string }
}

type For<P extends readonly string[]> = { readonly purposes: P }
type Shared = { readonly sharedWith: { readonly onErase: 'refcount' } }
type Many = { readonly many: true }
type Floored = {
  readonly floor: {
    readonly keep: { readonly years: 7 }
    readonly from: 'created'
    readonly ground: string
  }
}
type Text<P extends readonly string[]> = Field<z.ZodString, For<P>>
type Note = Field<z.ZodExactOptional<z.ZodString>, For<readonly ['home']>>
type Paper = { readonly text: Text<readonly ['books']>; readonly note: Note }

export type HomeRecords = {
  readonly profile: RecordType<
    { readonly name: Text<readonly ['home', 'offers']> },
    Record<never, never>
  >
  readonly household: RecordType<
    {
      readonly address: Field<
        z.ZodString,
        For<readonly ['home', 'offers']> & { readonly lookup: 'nfkc-lower' }
      >
      readonly rent: Note
    },
    Shared
  >
  readonly photo: RecordType<{ readonly caption: Text<readonly ['home']> }, Many & Shared>
  readonly bill: RecordType<Paper, Many & Shared & Floored>
  readonly paper: RecordType<Paper, Many & Floored>
  readonly invoice: RecordType<{ readonly text: Text<readonly ['books']> }, Floored>
}

export type Home = Privity<HomePurposes, HomeRecords>

export const REASON: 'subject_request' = 'subject_request'
export const AGENT = { id: 'ida', roles: ['agent'] } as const

/** What is refused because somebody is gone. */
export const erased = { code: 'erased', details: { kind: 'subject' } } as const

const purposes: HomePurposes = definePurposes({
  home: { basis: 'contract', description: 'Look after your home' },
  offers: { basis: 'consent', description: 'Send you offers', erasureGrace: { days: 0 } },
  books: { basis: 'legal_obligation', description: 'Keep the books' },
})
const shared = { sharedWith: { onErase: 'refcount' } } as const
const floor = { keep: { years: 7 }, from: 'created', ground: 'AWR art. 52(4)' } as const

const policy: Policy<HomePurposes, HomeRecords> = definePolicy({
  controller,
  purposes,
  records: {
    profile: defineRecord(purposes, ({ field }) => ({
      name: field(z.string(), { purposes: ['home', 'offers'] }),
    })),
    household: defineRecord(
      purposes,
      ({ field }) => ({
        address: field(z.string(), { purposes: ['home', 'offers'], lookup: 'nfkc-lower' }),
        rent: field(z.string().exactOptional(), { purposes: ['home'] }),
      }),
      shared,
    ),
    photo: defineRecord(
      purposes,
      ({ field }) => ({ caption: field(z.string(), { purposes: ['home'] }) }),
      { many: true, ...shared },
    ),
    // What a law keeps, with something that only a contract needs.
    bill: defineRecord(
      purposes,
      ({ field }) => ({
        text: field(z.string(), { purposes: ['books'] }),
        note: field(z.string().exactOptional(), { purposes: ['home'] }),
      }),
      { many: true, ...shared, floor },
    ),
    paper: defineRecord(
      purposes,
      ({ field }) => ({
        text: field(z.string(), { purposes: ['books'] }),
        note: field(z.string().exactOptional(), { purposes: ['home'] }),
      }),
      { many: true, floor },
    ),
    invoice: defineRecord(
      purposes,
      ({ field }) => ({ text: field(z.string(), { purposes: ['books'] }) }),
      { floor },
    ),
  },
  roles: { agent: { purposes: ['home', 'offers', 'books'] } },
})

/** Options of an instance but its store; all have a default. */
export type HomeOptions = Partial<Omit<PrivityOptions<HomePurposes, HomeRecords>, 'store'>>

export function openHome(store: Store, options: HomeOptions = {}): Promise<Home> {
  const rest = { clock: eagerClock(), ...options }
  return createPrivity({ policy, ...storesOf(store), keys: localKeys(SECRET), ...rest })
}

/** The accessors of one instance, by purpose. */
export function as(home: Home): {
  readonly [Q in keyof HomePurposes]: ReturnType<typeof home.accessor<Q>>
} {
  return {
    home: home.accessor({ purpose: 'home', actor: AGENT }),
    offers: home.accessor({ purpose: 'offers', actor: AGENT }),
    books: home.accessor({ purpose: 'books', actor: AGENT }),
  }
}

/** Two people and what they share. */
export interface Family {
  readonly ada: string
  readonly ben: string
  readonly household: string
}

export async function addFamily(home: Home): Promise<Family> {
  const ada = await home.subjects.register()
  const ben = await home.subjects.register()
  const household = await home.subjects.group({ members: [ada.id, ben.id] })
  await as(home).home.profile.create(ada.id, { name: 'Ada marker-ada' })
  await as(home).home.profile.create(ben.id, { name: 'Ben marker-ben' })
  await as(home).home.household.create(household.id, {
    address: 'marker-street 1',
    rent: 'marker-rent',
  })
  return { ada: ada.id, ben: ben.id, household: household.id }
}

/** What a certificate says that verifies. */
export async function certified(home: Home, certificate: string): Promise<unknown> {
  const verdict = await verifyCertificate(certificate, home.ledger.publicKeys)
  expect(verdict).toMatchObject({ ok: true })
  return verdict.certificate
}
