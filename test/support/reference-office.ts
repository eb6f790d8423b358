import { expect } from 'vitest'
import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  type ErasureHook,
  type KeyProvider,
  localKeys,
  type Policy,
  type Privity,
  type Purposes,
  type Store,
  type SubjectId,
} from 'privity'
import { verifyCertificate } from 'privity/verify'
import { controller, eagerClock, type FakeClock, SECRET } from './acme.ts'
import { storesOf } from './stores.ts'

// Types are written out: this file is read by others, and inferred exports are refused here.

const actor = { id: 'staff:ida', roles: ['all'] } as const

const purposes = definePurposes({
  support: { basis: 'contract', description: 'Answer your questions' },
  accounting: { basis: 'legal_obligation', description: 'Keep the books' },
})
const served = { purposes: ['support'] } as const
const exact = { ...served, lookup: 'exact' } as const
const books = { keep: { years: 7 }, from: 'created', ground: 'AWR art. 52(4)' } as const

/** Which of its policies the office has; `plain` has other lookups, and `mute` no references. */
export type OfficeVersion = 'now' | 'plain' | 'mute'

/** What an anonymiser makes of an id; tests put others in its place. */
export const anonymiser: { make: (id: string) => unknown } = { make: () => 'former' }

/** One record type for each thing that can become of a reference. */
export function officePolicy(version: OfficeVersion = 'now'): Policy<never, never> {
  // In another class than what names somebody.
  const text = version === 'plain' ? ({ purposes: ['support', 'accounting'] } as const) : served
  const ticket = defineRecord(
    purposes,
    ({ field }) => ({
      text: field(z.string(), text),
      assignee: field(z.string().exactOptional(), {
        ...exact,
        ...(version === 'mute' ? {} : { refs: { onErase: 'detach' } }),
      }),
    }),
    { many: true },
  )
  if (version === 'mute')
    return definePolicy({ controller, purposes, records: { ticket }, roles }) as never
  const comment = defineRecord(
    purposes,
    ({ field }) => ({
      text: field(z.string(), served),
      author: field(z.string(), {
        ...served,
        // Few bits: other people have the same token by chance.
        lookup: version === 'plain' ? { by: 'exact' } : { by: 'exact', people: 1_000 },
        refs: { onErase: 'decorrelate' },
        retention: { keep: { years: 1 }, from: 'created' },
      }),
    }),
    { many: true },
  )
  const rating = defineRecord(
    purposes,
    ({ field }) => ({
      stars: field(z.int(), served),
      by: field(z.string(), {
        ...served,
        lookup: { by: 'exact', unique: true },
        refs: { onErase: 'anonymise' },
        atEnd: { anonymise: (id) => anonymiser.make(id) },
      }),
    }),
    { many: true },
  )
  const proxy = defineRecord(purposes, ({ field }) => ({
    scope: field(z.string(), text),
    of: field(z.string(), { ...exact, refs: { onErase: 'delete' } }),
  }))
  const referral = defineRecord(
    purposes,
    ({ field }) => ({
      text: field(z.string(), text),
      by: field(z.string(), { ...exact, refs: { onErase: 'delete' } }),
    }),
    { many: true },
  )
  const deal = defineRecord(
    purposes,
    ({ field }) => ({
      amount: field(z.int(), { purposes: ['support', 'accounting'], floor: books }),
      remark: field(z.string(), served),
      buyer: field(z.string(), { ...exact, refs: { onErase: 'delete' } }),
    }),
    { many: true },
  )
  const invoice = defineRecord(
    purposes,
    ({ field }) => ({
      payer: field(z.string().exactOptional(), {
        purposes: ['support', 'accounting'],
        lookup: 'exact',
        refs: { onErase: 'detach' },
        floor: books,
      }),
    }),
    { many: true },
  )
  const protocol = defineRecord(
    purposes,
    ({ field }) => ({
      who: field(z.string(), {
        ...exact,
        refs: { onErase: 'retain', reason: 'claims', reviewAt: '2031-06-30' },
      }),
    }),
    { many: true },
  )
  // Records with parts, which go with them.
  const thread = defineRecord(
    purposes,
    ({ field }) => ({
      title: field(z.string(), served),
      starter: field(z.string(), { ...exact, refs: { onErase: 'delete' } }),
    }),
    { many: true },
  )
  const post = defineRecord(
    purposes,
    ({ field }) => ({
      text: field(z.string(), served),
      fee: field(z.int().exactOptional(), { purposes: ['support', 'accounting'], floor: books }),
      threadId: field(z.string(), served),
    }),
    { many: true, ownedBy: { record: 'thread', field: 'threadId', onErase: 'delete' } },
  )
  const records = {
    ticket,
    comment,
    rating,
    proxy,
    referral,
    deal,
    invoice,
    protocol,
    thread,
    post,
  }
  return definePolicy({ controller, purposes, records, roles }) as never
}

const roles = { all: { purposes: ['support', 'accounting'] } } as const

/** Values as the tests write and read them. */
export interface OfficeValue {
  readonly [field: string]: string | number
}

/** Accessors of records that a person may have many of. */
export interface OfficeMany {
  create(
    id: SubjectId,
    value: OfficeValue,
    options?: object,
  ): Promise<{ readonly recordId: string }>
  read(id: SubjectId, recordId: string): Promise<OfficeValue>
  update(id: SubjectId, recordId: string, value: OfficeValue, options?: object): Promise<void>
  remove(id: SubjectId, recordId: string): Promise<void>
  list(options?: object): AsyncIterable<OfficeFound>
  find(where: object): AsyncIterable<OfficeFound>
}

export interface OfficeFound {
  readonly subjectId: string
  readonly recordId: string
  readonly view: OfficeValue
}

/** And of the one that there is one of. */
export interface OfficeOne {
  create(id: SubjectId, value: OfficeValue): Promise<void>
  read(id: SubjectId): Promise<OfficeValue>
  list(): AsyncIterable<OfficeFound>
}

export type ManyName =
  | 'ticket'
  | 'comment'
  | 'rating'
  | 'referral'
  | 'deal'
  | 'invoice'
  | 'protocol'
  | 'thread'
  | 'post'

export type OfficeRecords = { readonly [N in ManyName]: OfficeMany } & { readonly proxy: OfficeOne }

/** The office as one process has it open. */
export interface Office {
  readonly privity: Omit<Privity<Purposes, unknown>, 'policy' | 'accessor'>
  readonly records: OfficeRecords
  readonly clock: FakeClock
  add(): Promise<SubjectId>
}

export interface OfficeOptions {
  readonly shards?: number
  readonly hooks?: readonly ErasureHook[]
  readonly journal?: Store
  readonly clock?: FakeClock
  readonly version?: OfficeVersion
  readonly keys?: KeyProvider
}

/** Opens the office on a store. */
export async function openOffice(
  store: Store,
  { version, ...options }: OfficeOptions = {},
): Promise<Office> {
  const clock = options.clock ?? eagerClock()
  const privity = (await createPrivity({
    policy: officePolicy(version),
    ...storesOf(store),
    keys: localKeys(SECRET),
    ...options,
    clock,
  })) as unknown as Office['privity'] & { accessor(ask: object): OfficeRecords }
  return {
    privity,
    clock,
    // One that has to be replayed first has none.
    get records() {
      return privity.accessor({ purpose: 'support', actor })
    },
    add: async () => (await privity.subjects.register()).id,
  }
}

/** Everything that is stored is what the log says. */
export async function expectSound({ privity }: Office): Promise<void> {
  expect(await privity.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
}

/** What a certificate says that verifies. */
export async function certificateOf(
  { privity }: Office,
  jws: string,
): Promise<{ readonly [name: string]: unknown }> {
  const { ok, certificate = {} } = await verifyCertificate(jws, privity.ledger.publicKeys)
  expect(ok).toBe(true)
  return certificate
}
