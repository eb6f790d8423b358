import { AssertionError } from 'node:assert'
import * as z from 'zod'
import {
  type AnyPrivityError,
  type Consent,
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  type Duration,
  type Field,
  isPrivityError,
  localKeys,
  type NoticeRef,
  type Policy,
  type Privity,
  type PrivityOptions,
  type RecordType,
  type Store,
} from 'privity'
import { addDuration } from '../../src/base/time.ts'
import { storesOf } from './stores.ts'

// Types are written out: this file is read by others, and inferred exports are refused here.

/** What the people of Acme are asked for. */
export type AcmePurposes = {
  readonly support: { readonly basis: 'contract'; readonly description: string }
  readonly marketing: {
    readonly basis: 'consent'
    readonly description: string
    readonly dpv: 'dpv:DirectMarketing'
    readonly validFor: { readonly months: 24 }
  }
  readonly care: {
    readonly basis: 'consent'
    readonly description: string
    readonly explicit: true
  }
  readonly analytics: { readonly basis: 'legitimate_interests'; readonly description: string }
}

type For<P extends readonly string[]> = { readonly purposes: P }

export type ContactFields = {
  readonly name: Field<z.ZodString, For<readonly ['support', 'marketing']>>
  readonly email: Field<
    z.ZodEmail,
    For<readonly ['support', 'marketing']> & { readonly lookup: 'email' }
  >
  readonly address: Field<z.ZodString, For<readonly ['support']>>
  readonly birthDate: Field<
    z.ZodISODate,
    For<readonly ['support', 'analytics']> & {
      readonly views: { readonly analytics: (plain: string) => number }
    }
  >
  readonly phone: Field<
    z.ZodExactOptional<z.ZodString>,
    For<readonly ['support']> & { readonly lookup: 'phone-e164' }
  >
  readonly language: Field<z.ZodDefault<z.ZodString>, For<readonly ['support']>>
  readonly allergies: Field<
    z.ZodExactOptional<z.ZodString>,
    For<readonly ['care']> & { readonly special: 'health' }
  >
}

export type TicketFields = {
  readonly text: Field<z.ZodString, For<readonly ['support']>>
  readonly channel: Field<
    z.ZodExactOptional<z.ZodString>,
    For<readonly ['support']> & { readonly lookup: 'exact' }
  >
}

export type AcmeRecords = {
  readonly contact: RecordType<ContactFields, Record<never, never>>
  readonly ticket: RecordType<TicketFields, { readonly many: true }>
}

export type Acme = Privity<AcmePurposes, AcmeRecords>
export type AcmePolicy = Policy<AcmePurposes, AcmeRecords>

const purposes: AcmePurposes = definePurposes({
  support: { basis: 'contract', description: 'Answer your questions and handle your orders' },
  marketing: {
    basis: 'consent',
    description: 'Send you offers by e-mail',
    dpv: 'dpv:DirectMarketing',
    validFor: { months: 24 },
  },
  care: { basis: 'consent', description: 'Mind your allergies', explicit: true },
  analytics: { basis: 'legitimate_interests', description: 'Count things' },
})

const contact: AcmeRecords['contact'] = defineRecord(purposes, ({ field }) => ({
  name: field(z.string().min(1), { purposes: ['support', 'marketing'] }),
  email: field(z.email(), { purposes: ['support', 'marketing'], lookup: 'email' }),
  address: field(z.string(), { purposes: ['support'] }),
  birthDate: field(z.iso.date(), {
    purposes: ['support', 'analytics'],
    views: { analytics: (plain) => Number(plain.slice(0, 4)) },
  }),
  phone: field(z.string().exactOptional(), { purposes: ['support'], lookup: 'phone-e164' }),
  language: field(z.string().default('en'), { purposes: ['support'] }),
  allergies: field(z.string().exactOptional(), { purposes: ['care'], special: 'health' }),
}))

const ticket: AcmeRecords['ticket'] = defineRecord(
  purposes,
  ({ field }) => ({
    text: field(z.string(), { purposes: ['support'] }),
    channel: field(z.string().exactOptional(), { purposes: ['support'], lookup: 'exact' }),
  }),
  { many: true },
)

export const controller: AcmePolicy['controller'] = {
  id: 'acme',
  name: 'Acme',
  contact: 'privacy@acme.example',
  country: 'NL',
}

export const policy: AcmePolicy = definePolicy({
  controller,
  purposes,
  records: { contact, ticket },
  roles: {
    agent: { purposes: ['support'] },
    marketer: { purposes: ['marketing'] },
    carer: { purposes: ['care'] },
    analyst: { purposes: ['analytics'] },
  },
})

/** The four actors of the journeys, each in the one role of a purpose. */
export const ACTORS = {
  support: { id: 'staff:ida', roles: ['agent'] },
  marketing: { id: 'staff:bo', roles: ['marketer'] },
  care: { id: 'staff:cleo', roles: ['carer'] },
  analytics: { id: 'job:count', roles: ['analyst'] },
} as const

export const SECRET: Uint8Array = new Uint8Array(32).fill(7)

/** What a contact is created with. */
export const ANNA = {
  name: 'Anna',
  email: 'anna@example.com',
  address: 'Keizersgracht 1',
  birthDate: '1990-01-01',
} as const

/** 21 November 2026, 09:00 UTC. */
export const START: number = Date.UTC(2026, 10, 21, 9)

/** A clock that stands still until it is told to move. */
export interface FakeClock {
  now(): number
  wait(ms: number, signal?: AbortSignal): Promise<void>
  rest?(ms: number, signal?: AbortSignal): Promise<void>
  /** Also backwards. */
  set(ms: number): void
  /** Milliseconds, or a duration of the calendar. */
  advance(by: number | Duration): void
  /** How many wait. */
  readonly waiting: number
}

interface Waiter {
  readonly at: number
  readonly finish: () => void
}

export function fakeClock(start: number = START): FakeClock {
  const waiters = new Set<Waiter>()
  let time = start
  function set(ms: number): void {
    time = ms
    for (const waiter of [...waiters]) if (waiter.at <= time) waiter.finish()
  }
  return {
    now: () => time,
    wait: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const waiter: Waiter = { at: time + ms, finish: () => end(resolve) }
        const abort = (): void => end(() => reject(signal?.reason))
        function end(settle: () => void): void {
          waiters.delete(waiter)
          signal?.removeEventListener('abort', abort)
          settle()
        }
        waiters.add(waiter)
        signal?.addEventListener('abort', abort)
      }),
    set,
    advance: (by) => set(typeof by === 'number' ? time + by : addDuration(time, by)),
    get waiting() {
      return waiters.size
    },
  }
}

/** A clock that stands still and on which nobody has to wait, but what nobody waits for: for instances that contend. */
export function eagerClock(start: number = START): FakeClock {
  const clock = fakeClock(start)
  return {
    ...clock,
    wait: (_, signal) =>
      new Promise((resolve, reject) => {
        setImmediate(() => (signal?.aborted ? reject(signal.reason) : resolve()))
      }),
    rest: clock.wait,
  }
}

/** Options of an instance but its store; all have a default. */
export type AcmeOptions = Partial<Omit<PrivityOptions<AcmePurposes, AcmeRecords>, 'store'>>

/** Opens Acme on a store. */
export function openAcme(store: Store, options: AcmeOptions = {}): Promise<Acme> {
  const stores = storesOf(store)
  return createPrivity({
    policy,
    ...stores,
    keys: localKeys(SECRET),
    // Two operations about one person contend for the row of their keys, and wait for each other by the clock.
    clock: stores.keyStore === undefined ? fakeClock() : eagerClock(),
    ...options,
  })
}

/** The accessors of one instance, by purpose. */
export function accessorsOf(acme: Acme): {
  readonly [Q in keyof AcmePurposes]: ReturnType<typeof acme.accessor<Q>>
} {
  return {
    support: acme.accessor({ purpose: 'support', actor: ACTORS.support }),
    marketing: acme.accessor({ purpose: 'marketing', actor: ACTORS.marketing }),
    care: acme.accessor({ purpose: 'care', actor: ACTORS.care }),
    analytics: acme.accessor({ purpose: 'analytics', actor: ACTORS.analytics }),
  }
}

/** Publishes the notice of the journeys; the same words each time. */
export function publishNotice(acme: Acme, version = '2026-11'): Promise<NoticeRef> {
  return acme.notices.publish({
    id: 'privacy',
    version,
    texts: { en: `what we do, ${version}`, nl: `wat wij doen, ${version}` },
  })
}

type Purpose = keyof AcmePurposes & string

/** Shows the notice and records a yes, as a web page does. */
export async function giveOnWeb(
  acme: Acme,
  id: string,
  purposesGiven: readonly Purpose[],
): Promise<{ readonly receipt: string; readonly notice: NoticeRef; readonly servedId: string }> {
  const notice = await publishNotice(acme)
  const { servedId } = await acme.notices.serve(notice, { subjectId: id, language: 'en' })
  const { receipt } = await acme.consent.give(id, {
    purposes: purposesGiven,
    notice,
    method: { channel: 'web', control: 'checkbox', servedId },
  })
  return { receipt, notice, servedId }
}

/** Input of a yes or no on paper. */
export function onPaper(
  notice: NoticeRef,
  purposesGiven: readonly Purpose[],
): Parameters<Consent<Purpose>['give']>[1] {
  return { purposes: purposesGiven, notice, method: { channel: 'paper' } }
}

/** Everything that an iterable yields. */
export async function collect<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

/** The error of this library that a promise rejects with; fails the test when there is none. */
export async function caught(
  promise: Promise<unknown> | (() => unknown),
): Promise<AnyPrivityError> {
  let outcome: unknown
  try {
    outcome = await (typeof promise === 'function' ? promise() : promise)
  } catch (error) {
    if (isPrivityError(error)) return error
    throw error
  }
  throw new AssertionError({ message: `resolved instead of rejecting: ${typeof outcome}` })
}

/** Code and details of the error that a promise rejects with: what tests hold on to. */
export async function refusal(
  promise: Promise<unknown> | (() => unknown),
): Promise<{ readonly code: string; readonly details: object }> {
  const { code, details } = await caught(promise)
  return { code, details }
}

const NEVER_MS = 8_000

/** Lets the event loop turn until something is so; fails the test when it never is. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const start = performance.now()
  // In turns alone, what other threads do on a busy machine takes too long.
  while (performance.now() - start < NEVER_MS) {
    if (await isSo()) return
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
  throw new AssertionError({ message: 'it never became so' })
}
