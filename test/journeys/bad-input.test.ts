import { inspect } from 'node:util'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, expect, test } from 'vitest'
import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  isPrivityError,
  localKeys,
  type PrivityOptions,
  revisionOf,
} from 'privity'
import { type MemoryData, memoryData, memoryStore } from 'privity/memory'
import { sqliteStore } from 'privity/sqlite'
import { verifyCertificate, verifyReceipt } from 'privity/verify'
import { ERROR_TRAITS } from '../../src/base/error-traits.ts'
import { isPlainObject } from '../../src/base/plain.ts'
import {
  accessorsOf,
  type Acme,
  ACTORS,
  ANNA,
  collect,
  controller,
  eagerClock,
  giveOnWeb,
  openAcme,
  policy,
  publishNotice,
  SECRET,
} from '../support/acme.ts'

// Whatever is refused must not be repeated: this stands in every hostile value.
const MARK = 'hostile-marker-4711'
const SLOW = 120_000

/** A value that no caller should pass. */
interface Hostile {
  readonly name: string
  readonly make: () => unknown
}

function thrower(): never {
  throw Object.assign(new Error(MARK), { marker: MARK })
}

class Instance {
  readonly email = MARK
  get length(): number {
    return 1
  }
}

const TRAPS = [
  'get',
  'set',
  'has',
  'ownKeys',
  'getOwnPropertyDescriptor',
  'getPrototypeOf',
  'defineProperty',
  'deleteProperty',
  'isExtensible',
  'preventExtensions',
  'apply',
  'construct',
] as const

function trapped(target: object, spared: readonly string[] = []): object {
  const traps = TRAPS.filter((trap) => !spared.includes(trap)).map((trap) => [trap, thrower])
  return new Proxy(target, Object.fromEntries(traps) as ProxyHandler<object>)
}

function withOwn(name: string, value: unknown): object {
  const object = { [MARK]: MARK }
  return Object.defineProperty(object, name, { value, enumerable: true, configurable: true })
}

function deep(depth: number): unknown {
  let value: unknown = MARK
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value }
  return value
}

function changing(): object {
  let asked = 0
  return Object.defineProperty({}, 'length', {
    enumerable: true,
    get: () => {
      asked += 1
      return asked % 2 === 0 ? MARK : thrower()
    },
  })
}

function cyclic(): object {
  const value: { [name: string]: unknown } = { [MARK]: MARK }
  value['self'] = value
  return value
}

function accessorOn(target: object): object {
  return Object.defineProperty(target, 'email', { enumerable: true, get: thrower })
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

/** Names that a wrong reader of options would look for. */
const TEMPTING = ['id', 'then', 'purposes', 'purpose', 'signal', 'limit', 'unset', 'jwks', 'share']

function tempting(): object {
  const value = new Instance()
  for (const name of [...TEMPTING, 'now', 'scrub', 'prepare', 'policy', 'store', 'keys']) {
    Object.defineProperty(value, name, { enumerable: true, get: thrower })
  }
  return value
}

const HOSTILE: readonly Hostile[] = [
  { name: 'undefined', make: () => undefined },
  { name: 'null', make: () => null },
  { name: 'true', make: () => true },
  { name: '0', make: () => 0 },
  { name: '-1', make: () => -1 },
  { name: '1.5', make: () => 1.5 },
  { name: 'NaN', make: () => Number.NaN },
  { name: 'Infinity', make: () => Number.POSITIVE_INFINITY },
  { name: 'bigint', make: () => 4711n },
  { name: 'symbol', make: () => Symbol(MARK) },
  { name: 'function', make: () => ({ [MARK]: () => MARK })[MARK] },
  { name: 'throwing function', make: () => thrower },
  { name: 'empty text', make: () => '' },
  { name: 'text', make: () => MARK },
  { name: 'e-mail', make: () => `${MARK}@example.com` },
  { name: '__proto__', make: () => '__proto__' },
  { name: 'constructor', make: () => 'constructor' },
  { name: 'half a character', make: () => `${MARK}\ud800` },
  { name: 'control characters', make: () => `${MARK}\0\r\n\u001b[31m\u202e` },
  { name: '1 MB', make: () => MARK.repeat(55_189) },
  { name: '3 MB', make: () => MARK.repeat(165_567) },
  { name: 'empty list', make: () => [] },
  { name: 'list', make: () => [MARK] },
  // biome-ignore lint/suspicious/noSparseArray: that is what is tried
  { name: 'list with holes', make: () => [MARK, , MARK] },
  { name: 'list with properties', make: () => Object.assign([MARK], { [MARK]: MARK }) },
  { name: 'long list', make: () => Array.from({ length: 200_000 }, () => 0) },
  { name: 'empty object', make: () => ({}) },
  { name: 'object', make: () => ({ [MARK]: MARK }) },
  { name: 'null prototype', make: () => Object.assign(Object.create(null), { [MARK]: MARK }) },
  { name: 'own __proto__', make: () => withOwn('__proto__', { polluted: MARK }) },
  {
    name: 'own constructor',
    make: () => withOwn('constructor', { prototype: { polluted: MARK } }),
  },
  { name: 'own then', make: () => withOwn('then', 1) },
  { name: 'own toJSON', make: () => withOwn('toJSON', thrower) },
  { name: 'accessor', make: () => accessorOn({}) },
  { name: 'changing accessor', make: changing },
  { name: 'proxy', make: () => trapped({}) },
  { name: 'proxy of a function', make: () => trapped(() => undefined) },
  { name: 'proxy of a list', make: () => trapped([]) },
  { name: 'proxy of an instance', make: () => trapped(new Instance(), ['getPrototypeOf']) },
  { name: 'proxy of bytes', make: () => trapped(new Uint8Array(32), ['getPrototypeOf']) },
  { name: 'revoked proxy', make: revoked },
  { name: 'date', make: () => new Date(0) },
  { name: 'no date', make: () => new Date(Number.NaN) },
  { name: 'map', make: () => new Map([[MARK, MARK]]) },
  { name: 'set', make: () => new Set([MARK]) },
  { name: 'bytes', make: () => new Uint8Array(3) },
  { name: 'buffer', make: () => Buffer.from(MARK) },
  { name: 'instance', make: () => new Instance() },
  { name: 'instance with an accessor', make: () => accessorOn(new Instance()) },
  { name: 'instance with every accessor', make: tempting },
  { name: 'boxed text', make: () => new String(MARK) },
  { name: 'error', make: () => new Error(MARK) },
  { name: 'regular expression', make: () => new RegExp(MARK) },
  { name: 'deep', make: () => deep(10_000) },
  { name: 'cyclic', make: cyclic },
]

/** One public function, and arguments that it takes. */
interface Call {
  readonly name: string
  readonly good: () => Promise<readonly unknown[]> | readonly unknown[]
  readonly run: (...args: readonly never[]) => unknown
  /** Of a place and a value: whether taking it is right. */
  readonly takes?: (place: string, value: string) => boolean
  /** What the function answers instead of throwing. */
  readonly answers?: (outcome: unknown) => boolean
  /** Of a place and a value: whether that is no matter of input. */
  readonly skips?: (place: string, value: string) => boolean
  /** It declares names, so the paths of its errors may have them. */
  readonly names?: true
  readonly data?: MemoryData
}

type Path = readonly (string | number)[]

/** Every place in the arguments: each whole one, each property, each item. */
function placesIn(args: readonly unknown[]): readonly Path[] {
  return args.flatMap((arg, index) => [[index], ...below(arg).map((path) => [index, ...path])])
}

function below(value: unknown): readonly Path[] {
  if (typeof value !== 'object' || value === null) return []
  if (!Array.isArray(value) && !isPlainObject(value)) return []
  return Object.entries(value).flatMap(([name, part]) => [
    [name],
    ...(OPAQUE.has(name) ? [] : below(part).map((path) => [name, ...path])),
  ])
}

/** Made by another function of the library: only the whole can be passed. */
const OPAQUE: ReadonlySet<string> = new Set(['share', 'policy', 'items'])

function replaced(value: unknown, path: Path, by: unknown): unknown {
  const [name, ...rest] = path
  if (name === undefined) return by
  const part = (value as { readonly [name: string]: unknown })[name]
  const copy: object = Array.isArray(value) ? [...value] : { ...(value as object) }
  const changed = replaced(part, rest, by)
  return Object.defineProperty(copy, name, {
    value: changed,
    enumerable: true,
    configurable: true,
    writable: true,
  })
}

/** What storage holds outside the access logs: the head of the log, and how many rows. */
interface Fingerprint {
  readonly head: Uint8Array | undefined
  readonly rows: number
}

const counted = { all: 0, rows: 0 }

function fingerprint({ rows }: MemoryData): Fingerprint {
  // Counting takes long, and the number is the same as long as nothing is added or removed.
  if (counted.all !== rows.size) {
    const isAccess = /^[0-9a-f]{16}\/[wa]\//
    counted.all = rows.size
    counted.rows = [...rows.keys()].filter((key) => !isAccess.test(key)).length
  }
  headKey ??= [...rows.keys()].find((key) => key.endsWith('/l/head'))
  return { head: rows.get(headKey ?? ''), rows: counted.rows }
}

let headKey: string | undefined

function isUnchanged(data: MemoryData, before: Fingerprint): boolean {
  const { head, rows } = fingerprint(data)
  return rows === before.rows && Buffer.from(head ?? []).equals(before.head ?? new Uint8Array(0))
}

/** What is wrong with an error that a caller gets to see. */
function faultOf(error: unknown, call: Call): string | undefined {
  if (!isPrivityError(error)) return `foreign: ${typeof error} ${nameOf(error)}`
  if (!Object.hasOwn(ERROR_TRAITS, error.code)) return `unknown code ${error.code}`
  const texts =
    call.names === true
      ? [error.message, String(error.stack)]
      : [JSON.stringify(error), inspect(error, { showHidden: true, depth: 20 })]
  if (texts.some((text) => text.includes(MARK))) return `leaks: ${JSON.stringify(error.details)}`
  return (error as Error).cause === undefined ? undefined : 'has a cause'
}

function nameOf(error: unknown): string {
  try {
    return String(Object(error).name)
  } catch {
    return 'that cannot be named'
  }
}

/** What went wrong with a call that ought to be refused; `isTaken` when it may be taken as well. */
async function attempt(
  call: Call,
  args: readonly unknown[],
  isTaken: boolean,
): Promise<string | undefined> {
  const before = call.data === undefined ? undefined : fingerprint(call.data)
  let outcome: unknown
  try {
    outcome = await call.run(...(args as readonly never[]))
  } catch (error) {
    const fault = faultOf(error, call)
    if (call.data === undefined || before === undefined || fault !== undefined) return fault
    return isUnchanged(call.data, before) ? undefined : 'written'
  }
  if (isTaken) return undefined
  if (call.answers === undefined) return 'taken'
  return call.answers(outcome)
    ? undefined
    : `answered ${inspect(outcome, { depth: 0 }).slice(0, 60)}`
}

const share = memoryData()
const acme: Acme = await openAcme(memoryStore({ share }))
const { id: anna } = await acme.subjects.register()
const { support, care } = accessorsOf(acme)
await support.contact.create(anna, ANNA)
const { notice, servedId, receipt } = await giveOnWeb(acme, anna, ['marketing', 'care'])
const { recordId } = await support.ticket.create(anna, { text: 'help' })
const certificate = await erasedCertificate()
const { jwks } = acme.ledger.publicKeys
const signal = new AbortController().signal

async function erasedCertificate(): Promise<string> {
  const { id } = await acme.subjects.register()
  return acme.erasure.erase(id, { reason: 'test' })
}

async function freshId(): Promise<string> {
  return (await acme.subjects.register()).id
}

let operations = 0
function freshOperation(): string {
  operations += 1
  return `operation-${operations}`
}

afterAll(() => acme.close())

// Values that some places rightly take.
const ABSENT = new Set(['undefined'])
const NO_OPTIONS = new Set(['undefined', 'empty object'])
const WELL_FORMED_TEXT = new Set([
  'text',
  'e-mail',
  '__proto__',
  'constructor',
  'control characters',
])
const ANY_TEXT = new Set([...WELL_FORMED_TEXT, 'empty text'])

function taking(table: {
  readonly [place: string]: ReadonlySet<string>
}): (place: string, value: string) => boolean {
  return (place, value) => table[place]?.has(value) === true
}

const OPTIONS_OF_WRITE = { signal, operationId: 'x' }

function writeOptions(): object {
  return { ...OPTIONS_OF_WRITE, operationId: freshOperation() }
}

/** Places of write options that stand at an argument. */
function optionsAt(index: number): { readonly [place: string]: ReadonlySet<string> } {
  return {
    [index]: NO_OPTIONS,
    [`${index}.signal`]: ABSENT,
    [`${index}.operationId`]: new Set([...WELL_FORMED_TEXT, 'undefined']),
  }
}

function method(): object {
  return { channel: 'web', control: 'checkbox', servedId }
}

const decisionPlaces = {
  '1.notice.language': ABSENT,
  '1.method.control': new Set(['undefined', 'text', 'constructor']),
  ...optionsAt(2),
}
const decision = (): object => ({
  purposes: ['marketing'],
  notice: { ...notice, language: 'en' },
  method: method(),
})

const OVER_ACME: readonly Call[] = [
  {
    name: 'subjects.register',
    good: () => [{ jurisdiction: 'NL', externalId: freshOperation() }],
    run: acme.subjects.register,
    takes: taking({
      0: NO_OPTIONS,
      '0.jurisdiction': ABSENT,
      '0.externalId': new Set([...WELL_FORMED_TEXT, 'undefined']),
    }),
  },
  {
    name: 'subjects.find',
    good: () => [{ externalId: 'crm-17' }],
    run: acme.subjects.find,
    takes: taking({ '0.externalId': WELL_FORMED_TEXT }),
  },
  {
    name: 'notices.publish',
    good: () => [
      { id: freshOperation(), version: '1', texts: { en: 'words', nl: 'w' }, change: 'material' },
    ],
    run: acme.notices.publish,
    takes: taking({
      '0.id': new Set(['text', 'constructor']),
      '0.version': new Set(['text', 'constructor']),
      '0.texts.en': WELL_FORMED_TEXT,
      '0.texts.nl': WELL_FORMED_TEXT,
      '0.change': ABSENT,
    }),
  },
  {
    name: 'notices.serve',
    good: () => [
      { ...notice, language: 'en' },
      { subjectId: anna, language: 'en' },
    ],
    run: acme.notices.serve,
    takes: taking({ '0.language': ABSENT, '1.subjectId': ABSENT }),
  },
  { name: 'notices.text', good: () => [{ ...notice }, 'en'], run: acme.notices.text },
  {
    name: 'consent.give',
    good: () => [anna, decision(), writeOptions()],
    run: acme.consent.give,
    takes: taking(decisionPlaces),
  },
  {
    name: 'consent.refuse',
    good: async () => {
      const id = await freshId()
      const { servedId: served } = await acme.notices.serve(notice, {
        subjectId: id,
        language: 'en',
      })
      return [id, { ...decision(), method: { ...method(), servedId: served } }, writeOptions()]
    },
    run: acme.consent.refuse,
    takes: taking(decisionPlaces),
  },
  {
    name: 'consent.withdraw',
    good: () => [anna, { purposes: ['analytics'] }, writeOptions()],
    run: acme.consent.withdraw,
    takes: taking(optionsAt(2)),
  },
  { name: 'consent.status', good: () => [anna, 'marketing'], run: acme.consent.status },
  {
    name: 'consent.history',
    good: () => [anna],
    run: (id: never) => collect(acme.consent.history(id)),
  },
  {
    name: 'may',
    good: () => [
      { subjectId: anna, purpose: 'support', actor: { ...ACTORS.support, mfa: true }, task: 't' },
    ],
    run: acme.may,
    takes: taking({
      '0.actor.id': WELL_FORMED_TEXT,
      '0.actor.mfa': new Set(['undefined', 'true']),
      '0.actor.roles': new Set(['empty list', 'list', 'list with properties']),
      '0.actor.roles.0': WELL_FORMED_TEXT,
      '0.task': new Set([...WELL_FORMED_TEXT, 'undefined']),
    }),
  },
  {
    name: 'accessor',
    good: () => [{ purpose: 'support', actor: { ...ACTORS.support, mfa: true }, task: 't' }],
    run: (ask: never) => (acme.accessor(ask) as unknown as typeof support).contact.read(anna),
    takes: taking({
      '0.actor.id': WELL_FORMED_TEXT,
      '0.actor.mfa': new Set(['undefined', 'true']),
      '0.task': new Set([...WELL_FORMED_TEXT, 'undefined']),
    }),
  },
  {
    name: 'contact.create',
    good: async () => [await freshId(), { ...ANNA, phone: '1', language: 'en' }, writeOptions()],
    run: support.contact.create,
    takes: taking({
      '1.name': WELL_FORMED_TEXT,
      '1.email': new Set(['e-mail']),
      '1.address': ANY_TEXT,
      '1.phone': ANY_TEXT,
      '1.language': new Set([...ANY_TEXT, 'undefined']),
      ...optionsAt(2),
    }),
  },
  {
    name: 'contact.read',
    good: () => [anna, { signal }],
    run: support.contact.read,
    takes: taking({ 1: NO_OPTIONS, '1.signal': ABSENT }),
  },
  {
    name: 'contact.select',
    good: () => [anna, ['name', 'email'], { signal }],
    run: support.contact.select,
    takes: taking({ 2: NO_OPTIONS, '2.signal': ABSENT }),
  },
  {
    name: 'contact.update',
    good: () => [
      anna,
      { name: 'Anna', language: 'en' },
      { ...writeOptions(), unset: ['phone'], ifRevision: undefined },
    ],
    run: support.contact.update,
    takes: taking({
      1: new Set(['empty object']),
      '1.name': WELL_FORMED_TEXT,
      '1.language': new Set([...ANY_TEXT, 'undefined']),
      ...optionsAt(2),
      '2.unset': new Set(['undefined', 'empty list']),
      '2.ifRevision': ABSENT,
    }),
  },
  {
    name: 'contact.find',
    good: () => [{ email: ANNA.email }, { signal, limit: 3, after: anna }],
    run: (where: never, options: never) => collect(support.contact.find(where, options)),
    takes: taking({
      '0.email': new Set([...WELL_FORMED_TEXT, 'half a character']),
      1: NO_OPTIONS,
      '1.signal': ABSENT,
      '1.limit': ABSENT,
      '1.after': ABSENT,
    }),
  },
  {
    name: 'contact.list',
    good: () => [{ signal, limit: 3, after: anna }],
    run: (options: never) => collect(support.contact.list(options)),
    takes: taking({ 0: NO_OPTIONS, '0.signal': ABSENT, '0.limit': ABSENT, '0.after': ABSENT }),
  },
  {
    name: 'care.contact.update',
    good: () => [anna, { allergies: 'nuts' }],
    run: care.contact.update,
    takes: taking({ 1: new Set(['empty object']), '1.allergies': ANY_TEXT }),
  },
  {
    name: 'ticket.create',
    good: async () => [await freshId(), { text: 'help', channel: 'mail' }, writeOptions()],
    run: support.ticket.create,
    takes: taking({ '1.text': ANY_TEXT, '1.channel': ANY_TEXT, ...optionsAt(2) }),
  },
  {
    name: 'ticket.read',
    good: () => [anna, recordId, { signal }],
    run: support.ticket.read,
    takes: taking({ 2: NO_OPTIONS, '2.signal': ABSENT }),
  },
  {
    name: 'ticket.select',
    good: () => [anna, recordId, ['text'], { signal }],
    run: support.ticket.select,
    takes: taking({ 3: NO_OPTIONS, '3.signal': ABSENT }),
  },
  {
    name: 'ticket.update',
    good: () => [anna, recordId, { text: 'help' }, { ...writeOptions(), unset: ['channel'] }],
    run: support.ticket.update,
    takes: taking({
      2: new Set(['empty object']),
      '2.text': ANY_TEXT,
      ...optionsAt(3),
      '3.unset': new Set(['undefined', 'empty list']),
    }),
  },
  {
    name: 'ticket.remove',
    good: async () => {
      const made = await support.ticket.create(anna, { text: 'x' })
      return [anna, made.recordId, { ...writeOptions(), ifRevision: undefined }]
    },
    run: support.ticket.remove,
    takes: taking({ ...optionsAt(2), '2.ifRevision': ABSENT }),
  },
  {
    name: 'ticket.find',
    good: () => [{ channel: 'mail' }, { signal, limit: 3, after: `${anna}.${recordId}` }],
    run: (where: never, options: never) => collect(support.ticket.find(where, options)),
    takes: taking({
      '0.channel': WELL_FORMED_TEXT,
      1: NO_OPTIONS,
      '1.signal': ABSENT,
      '1.limit': ABSENT,
      '1.after': ABSENT,
    }),
  },
  {
    name: 'ticket.list',
    good: () => [{ signal, limit: 3, after: `${anna}.${recordId}`, subjectId: anna }],
    run: (options: never) => collect(support.ticket.list(options)),
    takes: taking({
      0: NO_OPTIONS,
      '0.signal': ABSENT,
      '0.limit': ABSENT,
      '0.after': ABSENT,
      '0.subjectId': ABSENT,
    }),
  },
  {
    name: 'erasure.plan',
    good: async () => [await freshId(), { reason: 'test' }],
    run: acme.erasure.plan,
    takes: taking({ '1.reason': new Set(['text', 'constructor']) }),
  },
  {
    name: 'erasure.run',
    good: async () => [
      { ...(await acme.erasure.plan(await freshId(), { reason: 'test' })) },
      { signal, onProgress: () => undefined },
    ],
    run: acme.erasure.run,
    takes: taking({
      1: NO_OPTIONS,
      '1.signal': ABSENT,
      '1.onProgress': new Set([
        'undefined',
        'function',
        'throwing function',
        'proxy of a function',
      ]),
    }),
  },
  {
    name: 'erasure.resume',
    good: async () => {
      const { erasureId } = await acme.erasure.plan(await freshId(), { reason: 'test' })
      return [erasureId, { signal }]
    },
    run: acme.erasure.resume,
    takes: taking({ 1: NO_OPTIONS, '1.signal': ABSENT }),
  },
  {
    name: 'erasure.erase',
    good: async () => [await freshId(), { reason: 'test' }],
    run: acme.erasure.erase,
    takes: taking({ '1.reason': new Set(['text', 'constructor']) }),
  },
  {
    name: 'ledger.verify',
    good: () => [{ signal, onProgress: () => undefined }],
    run: acme.ledger.verify,
    takes: taking({
      0: NO_OPTIONS,
      '0.signal': ABSENT,
      '0.onProgress': new Set([
        'undefined',
        'function',
        'throwing function',
        'proxy of a function',
      ]),
    }),
  },
]

function plainClock(): NonNullable<PrivityOptions<never, never>['clock']> {
  const { now, wait } = eagerClock()
  return { now, wait, rest: wait }
}

const options: PrivityOptions<typeof policy.purposes, typeof policy.records> = {
  policy,
  store: memoryStore(),
  keys: localKeys(SECRET),
  hooks: [
    {
      id: 'mailing',
      needsPlaintext: true,
      plan: async () => [],
      execute: async () => 'done',
      verify: async () => 'absent',
    },
  ],
  audit: 'strict',
  tenant: 'acme',
  clock: plainClock(),
  relationship: () => true,
}

// Code of the app: it is not run before it is needed.
const CODE = new Set(['function', 'throwing function', 'proxy of a function'])
const MAYBE_CODE = new Set([...CODE, 'undefined'])

const BESIDE_ACME: readonly Call[] = [
  {
    name: 'createPrivity',
    good: () => [{ ...options, store: memoryStore(), clock: plainClock() }],
    run: async (given: never) => (await createPrivity(given)).close(),
    takes: taking({
      '0.hooks': new Set(['undefined', 'empty list']),
      '0.audit': ABSENT,
      '0.tenant': new Set([...WELL_FORMED_TEXT, 'undefined']),
      '0.relationship': MAYBE_CODE,
      '0.clock.wait': MAYBE_CODE,
      '0.clock.rest': MAYBE_CODE,
      '0.keys.id': new Set(HOSTILE.map(({ name }) => name)),
      '0.keys.irrecoverableBy': new Set(HOSTILE.map(({ name }) => name)),
      '0.hooks.0.id': new Set(['text', 'constructor']),
      '0.hooks.0.needsPlaintext': new Set(['undefined', 'true']),
      '0.hooks.0.plan': CODE,
      '0.hooks.0.execute': CODE,
      '0.hooks.0.verify': CODE,
      '0.clock': ABSENT,
    }),
    // A store or provider that answers nonsense is one for the testkit.
    skips: (place, value) => CODE.has(value) && /^0\.(?:store|keys|clock)\.|^0\.clock$/.test(place),
  },
  {
    name: 'localKeys',
    good: () => [SECRET],
    run: localKeys,
    takes: taking({ 0: WELL_FORMED_TEXT }),
  },
  {
    name: 'memoryStore',
    good: () => [{ share: memoryData() }],
    run: async (given: never) => {
      const store = memoryStore(given)
      await store.open()
      await store.read(['a'])
    },
    takes: taking({ 0: NO_OPTIONS, '0.share': ABSENT }),
  },
  {
    name: 'sqliteStore',
    good: () => [
      new DatabaseSync(':memory:'),
      { synchronous: 'full', singleConnection: false, scrub: 'rewrite' },
    ],
    run: async (client: never, given: never) => {
      const store = sqliteStore(client, given)
      await store.open()
      await store.scrub?.()
    },
    takes: taking({
      1: NO_OPTIONS,
      '1.synchronous': ABSENT,
      '1.singleConnection': new Set(['undefined', 'true']),
      '1.scrub': ABSENT,
    }),
  },
  {
    name: 'verifyReceipt',
    good: () => [receipt, { jwks }],
    run: verifyReceipt,
    answers: isRefusal,
    takes: taking({ '1.jwks.keys.0.alg': ABSENT, '1.jwks.keys.0.use': ABSENT }),
  },
  {
    name: 'verifyCertificate',
    good: () => [certificate, { jwks }],
    run: verifyCertificate,
    answers: isRefusal,
    takes: taking({ '1.jwks.keys.0.alg': ABSENT, '1.jwks.keys.0.use': ABSENT }),
  },
  {
    name: 'revisionOf',
    good: () => [{}],
    run: revisionOf,
    answers: (outcome) => outcome === undefined,
  },
  {
    name: 'isPrivityError',
    good: () => [new Error('x'), 'erased'],
    run: isPrivityError,
    answers: (outcome) => outcome === false,
  },
  {
    name: 'definePurposes',
    names: true,
    good: () => [{ support: { basis: 'contract', description: 'Help' } }],
    run: definePurposes,
    takes: taking({
      0: new Set(['empty object']),
      '0.support.description': WELL_FORMED_TEXT,
    }),
  },
  {
    name: 'defineRecord',
    names: true,
    good: () => [
      { support: { basis: 'contract', description: 'Help' } },
      ({ field }: never) => ({
        name: (field as (...args: unknown[]) => unknown)(z.string(), { purposes: ['support'] }),
      }),
      {
        many: true,
        sharedWith: { onErase: 'refcount' },
        ownedBy: { record: 'ticket', field: 'name', onErase: 'delete' },
      },
    ],
    run: defineRecord,
    takes: taking({
      '0.support.description': WELL_FORMED_TEXT,
      2: NO_OPTIONS,
      '2.many': new Set(['undefined', 'true']),
      '2.sharedWith': ABSENT,
      '2.ownedBy': ABSENT,
    }),
  },
  {
    name: 'definePolicy',
    names: true,
    good: () => [
      {
        controller: { ...controller },
        purposes: { support: { basis: 'contract', description: 'Help' } },
        records: {},
        roles: { agent: { purposes: ['support'] } },
        version: '1',
        collections: {
          orders: { hook: 'shop' },
          logs: { waiver: { reason: 'gone in a week', reviewAt: '2027-06-30' } },
        },
      },
    ],
    run: definePolicy,
    takes: taking({
      '0.controller.id': WELL_FORMED_TEXT,
      '0.controller.name': WELL_FORMED_TEXT,
      '0.controller.contact': WELL_FORMED_TEXT,
      '0.purposes.support.description': WELL_FORMED_TEXT,
      '0.records': new Set(['empty object']),
      '0.roles': new Set(['empty object']),
      '0.roles.agent.purposes': new Set(['empty list']),
      '0.version': new Set([...WELL_FORMED_TEXT, 'undefined']),
      '0.collections': new Set(['undefined', 'empty object']),
      '0.collections.orders.hook': WELL_FORMED_TEXT,
      '0.collections.logs.waiver.reason': WELL_FORMED_TEXT,
    }),
  },
  {
    name: 'policy.explain',
    good: () => [{ at: '2027-06-30T00:00:00Z' }],
    run: policy.explain,
    takes: taking({ 0: NO_OPTIONS, '0.at': ABSENT }),
  },
]

function isRefusal(outcome: unknown): boolean {
  const { ok, reason } = Object(outcome) as { readonly ok?: unknown; readonly reason?: unknown }
  return ok === false && typeof reason === 'string' && !inspect(outcome).includes(MARK)
}

const CALLS: readonly Call[] = [
  ...OVER_ACME.map((call): Call => ({ ...call, data: share })),
  ...BESIDE_ACME,
]

for (const call of CALLS) {
  test(`${call.name} refuses what it cannot take, repeats nothing of it and writes nothing`, {
    timeout: SLOW,
  }, async () => {
    const faults: string[] = []
    for (const place of placesIn(await call.good())) {
      for (const { name, make } of HOSTILE) {
        if (call.skips?.(place.join('.'), name) === true) continue
        const args = replaced(await call.good(), place, make()) as readonly unknown[]
        const isTaken = call.takes?.(place.join('.'), name) === true
        const fault = await attempt(call, args, isTaken)
        if (fault !== undefined) faults.push(`${place.join('.')} = ${name}: ${fault}`)
      }
    }
    expect(faults).toEqual([])
  })
}

const MORE = [MARK, `${MARK}@example.com`, '__proto__', 'toString']

for (const call of CALLS.filter(({ answers }) => answers === undefined)) {
  test(`${call.name} refuses what it does not know, and repeats nothing of it`, {
    timeout: SLOW,
  }, async () => {
    const faults: string[] = []
    for (const place of objectsIn(await call.good())) {
      for (const name of MORE) {
        const args = replaced(await call.good(), [...place, name], { polluted: MARK })
        const isTaken = LOOSE.has(`${call.name} ${place.join('.')}`)
        const fault = await attempt(call, args as readonly unknown[], isTaken)
        if (fault !== undefined) faults.push(`${place.join('.')} + ${name}: ${fault}`)
      }
    }
    expect(faults).toEqual([])
  })
}

/** Objects of the app, which may well have more than what is used of them. */
const LOOSE: ReadonlySet<string> = new Set([
  'createPrivity 0.store',
  'createPrivity 0.keys',
  'createPrivity 0.clock',
  'createPrivity 0.hooks.0',
  'createPrivity 0.store.limits',
])

function objectsIn(args: readonly unknown[]): readonly Path[] {
  return placesIn(args).filter((place) => {
    const value = place.reduce<unknown>((part, step) => Object(part)[step], args)
    return typeof value === 'object' && value !== null && isPlainObject(value)
  })
}

test('nothing of all this has reached a prototype', () => {
  for (const prototype of [Object.prototype, Array.prototype, Function.prototype]) {
    expect(Reflect.get(prototype, 'polluted')).toBeUndefined()
    expect(Object.keys(prototype)).toEqual([])
  }
})

test('after all this, the store is whole and the person is as they were', async () => {
  expect(await acme.ledger.verify()).toMatchObject({ ok: true, faults: [] })
  expect(await publishNotice(acme)).toEqual(notice)
  expect(Object.keys(await support.contact.read(anna))).toContain('email')
})
