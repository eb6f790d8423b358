import { toBase64, toBase64url, toHex, utf8 } from '../base/bytes.ts'
import { chunksOf } from '../base/chunks-of.ts'
import { isPrivityError } from '../base/errors.ts'
import type { KeyContext, KeyProvider } from '../keys/provider.ts'
import { expectEqual, expectRejection, expectThat, rejectionOf } from './expect.ts'
import { contextOf, type KeyCase, type KeyTrial, someKey } from './key-provider-case.ts'

const MAX_ID = 1_024
const HUGE = 2 ** 20
const AT_ONCE = 64

/** What every provider does, whether or not its epochs can die. */
export const BASIC_CASES: readonly KeyCase[] = [
  { title: 'K1 a key comes back as it was wrapped', run: roundTrip },
  { title: 'K1 id, end and epoch are what they must be, and stay so', run: facts },
  { title: 'K2 what is stored of a key does not hold the key', run: concealed },
  { title: 'K3 a key unwraps in its own store, epoch, class and salt only', run: contexts },
  { title: 'K4 a wrapped key with any bit changed is refused', run: bitFlips },
  { title: 'K4 a wrapped key that was cut, prolonged or made up is refused', run: otherBytes },
  { title: 'K5 the keys of others are refused', run: strangers },
  { title: 'K6 an empty or huge key comes back whole, or is refused', run: sizes },
  {
    title: 'K7 what is passed stays as it was, and what is given belongs to the caller',
    run: aliases,
  },
  { title: 'K7 a view of a larger buffer is taken by its own bytes', run: views },
  { title: 'K8 calls at the same time do not get mixed up', run: concurrent },
  { title: 'K9 errors are typed and show nothing of a key', run: silentErrors },
  { title: 'K10 another process unwraps what one wrapped', run: otherProcess, needs: 'again' },
  {
    title: 'K11 secrets out of reach are unavailable, and no others are made in their place',
    run: outOfReach,
    needs: 'outage',
  },
]

async function roundTrip({ keys }: KeyTrial): Promise<void> {
  const context = await contextOf(keys)
  for (const length of [1, 16, 32, 64, 1_024]) {
    const key = someKey(length, length)
    const wrapped = await keys.wrap(key, context)
    expectThat(wrapped instanceof Uint8Array && wrapped.length > 0, 'a wrapped key is bytes')
    expectEqual(await keys.unwrap(wrapped, context), key, `a key of ${length} bytes`)
    expectEqual(await keys.unwrap(wrapped, context), key, 'a key unwrapped a second time')
  }
  for (const accessClass of ['controller', 'core', `${'x'.repeat(200)}:ü`]) {
    const there = { ...context, accessClass }
    const wrapped = await keys.wrap(someKey(), there)
    expectEqual(await keys.unwrap(wrapped, there), someKey(), 'a key of another class')
  }
}

async function facts({ keys }: KeyTrial): Promise<void> {
  const { id, irrecoverableBy } = keys
  expectThat(typeof id === 'string' && id !== '' && id.length <= MAX_ID, 'the id is a short text')
  const ends: readonly string[] = ['backup_expiry', 'epoch_end']
  expectThat(ends.includes(irrecoverableBy), 'irrecoverableBy is one of the two')
  const epoch = await keys.currentEpoch()
  expectThat(Number.isSafeInteger(epoch) && epoch > 0, 'an epoch is a number from 1 up')
  await keys.wrap(someKey(), await contextOf(keys))
  expectEqual(await keys.currentEpoch(), epoch, 'the epoch, asked again')
  expectEqual([keys.id, keys.irrecoverableBy], [id, irrecoverableBy], 'id and end, asked again')
}

async function concealed({ keys }: KeyTrial): Promise<void> {
  const key = someKey()
  const wrapped = await keys.wrap(key, await contextOf(keys))
  for (const form of formsOf(key))
    expectThat(!includes(wrapped, form), 'no form of the key is in it')
}

async function contexts({ keys }: KeyTrial): Promise<void> {
  const context = await contextOf(keys)
  const wrapped = await keys.wrap(someKey(), context)
  const salt = context.salt.slice()
  salt[31] = (salt[31] ?? 0) ^ 1
  const others: readonly Partial<KeyContext>[] = [
    { storeId: 'ff112233445566778899aabbccddeeff' },
    { epoch: context.epoch + 1 },
    { accessClass: 'contact:care' },
    { accessClass: 'controller' },
    { salt },
    // Parts that run into each other when they are only joined.
    { storeId: `${context.storeId}c`, accessClass: context.accessClass.slice(1) },
  ]
  for (const other of others) await expectRefused(keys, wrapped, { ...context, ...other })
  expectEqual(await keys.unwrap(wrapped, context), someKey(), 'the key in its own context')
}

async function bitFlips({ keys }: KeyTrial): Promise<void> {
  const context = await contextOf(keys)
  const wrapped = await keys.wrap(someKey(), context)
  const flipped = Array.from({ length: wrapped.length * 8 }, (_, bit) => {
    const copy = Uint8Array.from(wrapped)
    copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    return copy
  })
  await expectAllRefused(keys, flipped, context)
}

async function otherBytes({ keys }: KeyTrial): Promise<void> {
  const context = await contextOf(keys)
  const wrapped = Uint8Array.from(await keys.wrap(someKey(), context))
  const cut = Array.from({ length: wrapped.length }, (_, length) => wrapped.slice(0, length))
  const madeUp = [
    wrapped.slice(1),
    new Uint8Array(wrapped.length),
    Uint8Array.from([...wrapped, 0]),
    Uint8Array.from([...wrapped, ...wrapped]),
    someKey(9),
    someKey(9, 4_096),
  ]
  await expectAllRefused(keys, [...cut, ...madeUp], context)
}

async function strangers({ keys, stranger }: KeyTrial): Promise<void> {
  const context = await contextOf(keys)
  const other = await stranger()
  await other.wrap(someKey(), await contextOf(other))
  await expectRefused(other, await keys.wrap(someKey(), context), context)
}

async function sizes({ keys }: KeyTrial): Promise<void> {
  const context = await contextOf(keys)
  for (const length of [0, HUGE]) {
    const key = someKey(1, length)
    const answer = await comingBack(keys, key, context)
    if (answer instanceof Uint8Array) expectEqual(answer, key, `a key of ${length} bytes`)
    else expectThat(isPrivityError(answer), `a key of ${length} bytes is refused by a typed error`)
  }
}

async function aliases({ keys }: KeyTrial): Promise<void> {
  const key = someKey()
  const context = await contextOf(keys)
  const salt = context.salt.slice()
  const wrapped = await keys.wrap(key, context)
  expectEqual(key, someKey(), 'the key that was passed')
  const kept = Uint8Array.from(wrapped)
  const other = await keys.wrap(someKey(1), context)
  const first = await keys.unwrap(wrapped, context)
  const second = await keys.unwrap(other, context)
  expectEqual([first, second], [someKey(), someKey(1)], 'two keys, one after the other')
  expectEqual(wrapped, kept, 'the wrapped key that was passed')
  expectEqual(context.salt, salt, 'the salt that was passed')
  for (const given of [wrapped, other, first, second]) given.fill(0)
  key.fill(0)
  expectEqual(await keys.unwrap(kept, context), someKey(), 'a key after all copies were changed')
}

async function views({ keys }: KeyTrial): Promise<void> {
  const context = await contextOf(keys)
  const window = new Uint8Array(new ArrayBuffer(96), 32, 32)
  window.set(someKey())
  const wrapped = await keys.wrap(window, context)
  const larger = new Uint8Array(wrapped.length + 32)
  larger.set(wrapped, 16)
  const view = larger.subarray(16, 16 + wrapped.length)
  const salted = { ...context, salt: viewOf(context.salt) }
  expectEqual(await keys.unwrap(view, salted), someKey(), 'a key through views')
}

async function concurrent({ keys }: KeyTrial): Promise<void> {
  const epoch = await keys.currentEpoch()
  const numbers = Array.from({ length: AT_ONCE }, (_, number) => number)
  await Promise.all(
    numbers.map(async (number) => {
      const context = await contextOf(keys, { epoch, accessClass: `class-${number}` })
      const wrapped = await keys.wrap(someKey(number), context)
      expectEqual(await keys.unwrap(wrapped, context), someKey(number), `key ${number}`)
    }),
  )
}

async function silentErrors({ keys, stranger }: KeyTrial): Promise<void> {
  const context = await contextOf(keys)
  const key = someKey()
  const wrapped = Uint8Array.from(await keys.wrap(key, context))
  const foreign = await (await stranger()).wrap(key, context)
  const spoiled = wrapped.slice(0, -1)
  const errors = await Promise.all([
    rejectionOf(keys.unwrap(spoiled, context)),
    rejectionOf(keys.unwrap(foreign, context)),
    rejectionOf(keys.unwrap(wrapped, { ...context, accessClass: 'core' })),
    rejectionOf(keys.unwrap(wrapped, { ...context, epoch: context.epoch + 1 })),
    rejectionOf(keys.unwrap(new Uint8Array(0), context)),
  ])
  const secrets = [key, wrapped, spoiled, foreign].flatMap(textsOf)
  for (const error of errors) {
    expectThat(isPrivityError(error), 'a refusal is a typed error')
    const shown = shownBy(error)
    expectThat(!secrets.some((secret) => shown.includes(secret)), 'an error shows no key')
  }
}

async function otherProcess({ keys, again }: KeyTrial): Promise<void> {
  const context = await contextOf(keys)
  const wrapped = await keys.wrap(someKey(), context)
  const other = await again()
  expectEqual(await other.currentEpoch(), context.epoch, 'the epoch in another process')
  expectEqual(await other.unwrap(wrapped, context), someKey(), 'a key in another process')
  const back = await other.wrap(someKey(1), context)
  expectEqual(await keys.unwrap(back, context), someKey(1), 'a key from another process')
}

async function outOfReach({ keys, outage }: KeyTrial): Promise<void> {
  const context = await contextOf(keys)
  const wrapped = await keys.wrap(someKey(), context)
  const putBack = await outage()
  await expectRejection(keys.unwrap(wrapped, context), 'key_unavailable')
  await expectRejection(keys.wrap(someKey(), context), 'key_unavailable')
  if (keys.rotate !== undefined) await expectRejection(keys.rotate(), 'key_unavailable')
  await putBack()
  expectEqual(await keys.unwrap(wrapped, context), someKey(), 'a key after the outage')
  expectEqual(await keys.currentEpoch(), context.epoch, 'the epoch after the outage')
}

/** What the provider says of a key that it must not open. */
export async function expectRefused(
  keys: KeyProvider,
  wrapped: Uint8Array,
  context: KeyContext,
): Promise<void> {
  const refused = keys.unwrap(wrapped, context)
  await expectRejection(refused, 'key_unreadable', 'key_unknown', 'key_unavailable')
}

async function expectAllRefused(
  keys: KeyProvider,
  all: readonly Uint8Array[],
  context: KeyContext,
): Promise<void> {
  for (const some of chunksOf(all, AT_ONCE))
    await Promise.all(some.map((wrapped) => expectRefused(keys, wrapped, context)))
}

/** The key that comes back, or what it was refused with. */
async function comingBack(
  keys: KeyProvider,
  key: Uint8Array,
  context: KeyContext,
): Promise<unknown> {
  try {
    return await keys.unwrap(await keys.wrap(key, context), context)
  } catch (error) {
    return error ?? new TypeError('it rejected with nothing')
  }
}

function viewOf(bytes: Uint8Array): Uint8Array {
  const larger = new Uint8Array(bytes.length + 8)
  larger.set(bytes, 4)
  return larger.subarray(4, 4 + bytes.length)
}

/** Bytes and texts that give a key away to whoever looks. */
function formsOf(key: Uint8Array): readonly Uint8Array[] {
  return [key, key.slice().reverse(), ...textsOf(key).map(utf8)]
}

function textsOf(bytes: Uint8Array): readonly string[] {
  const half = bytes.subarray(0, Math.ceil(bytes.length / 2))
  return [
    toHex(half),
    toBase64(half).replace(/.?=*$/, ''),
    toBase64url(half).slice(0, -1),
    half.join(),
  ]
}

function includes(bytes: Uint8Array, part: Uint8Array): boolean {
  return bytes.some((_, at) => part.every((byte, index) => bytes[at + index] === byte))
}

/** Everything of an error that ends up in logs. */
function shownBy(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { message, stack = '', cause } = error
  const inner = cause === undefined ? '' : shownBy(cause)
  return `${String(error)} ${message} ${stack} ${JSON.stringify(error)} ${inner}`
}
