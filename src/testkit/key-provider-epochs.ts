import type { Destruction, KeyContext, KeyProvider } from '../keys/provider.ts'
import { expectEqual, expectRejection, expectThat } from './expect.ts'
import { expectRefused } from './key-provider-basics.ts'
import { contextOf, type KeyCase, type KeyTrial, someKey } from './key-provider-case.ts'

/** The last millisecond of the year 9999. */
const MAX_MS = 253_402_300_799_999
const ROTATIONS = 6

/** What a provider does whose epochs can die. */
export const EPOCH_CASES: readonly KeyCase[] = [
  { title: 'K20 a rotation makes a higher epoch, which is the current one', run: rotation },
  { title: 'K21 older epochs unwrap, and wrap, until they are destroyed', run: olderEpochs },
  { title: 'K22 an epoch opens nothing of another', run: independent },
  { title: 'K23 the current epoch is not destroyed', run: currentStays },
  { title: 'K24 nothing of a destroyed epoch opens, and all others do', run: destruction },
  { title: 'K25 an epoch destroyed again gives the same time', run: destroyedAgain },
  { title: 'K26 an epoch that never was is refused, and nothing is destroyed', run: neverWas },
  { title: 'K27 the number of an epoch is never used twice', run: numbersOnce },
  { title: 'K28 rotations at the same time make an epoch each', run: rotationsAtOnce },
  { title: 'K29 other processes notice new and dead epochs', run: otherProcesses, needs: 'again' },
  {
    title: 'K30 rotations in several processes make an epoch each',
    run: rotationsEverywhere,
    needs: 'again',
  },
]

/** What a provider does whose one epoch is for ever. */
export const ONE_EPOCH_CASES: readonly KeyCase[] = [
  {
    title: 'K20 a provider with one epoch neither rotates nor destroys, and says so',
    run: oneEpoch,
  },
]

async function oneEpoch({ keys }: KeyTrial): Promise<void> {
  expectEqual(await keys.currentEpoch(), 1, 'the only epoch')
  expectEqual([keys.rotate, keys.destroy], [undefined, undefined], 'rotate and destroy')
  expectEqual(keys.irrecoverableBy, 'backup_expiry', 'when a destroyed key is beyond recovery')
}

async function rotation({ keys }: KeyTrial): Promise<void> {
  await wrapped(keys)
  const seen = [await keys.currentEpoch()]
  for (let round = 0; round < 3; round += 1) {
    const epoch = await rotate(keys)
    expectThat(Number.isSafeInteger(epoch) && epoch > Math.max(...seen), 'a new epoch is higher')
    expectEqual(await keys.currentEpoch(), epoch, 'the epoch after a rotation')
    seen.push(epoch)
  }
}

async function olderEpochs({ keys }: KeyTrial): Promise<void> {
  const old = await wrapped(keys)
  await rotate(keys)
  await expectOpens(keys, old)
  // A process that has not noticed yet.
  await expectOpens(keys, await wrapped(keys, old.context))
  await expectOpens(keys, await wrapped(keys))
}

async function independent({ keys }: KeyTrial): Promise<void> {
  const old = await wrapped(keys)
  await rotate(keys)
  const young = await wrapped(keys)
  await expectRefused(keys, old.bytes, young.context)
  await expectRefused(keys, young.bytes, old.context)
}

async function currentStays({ keys }: KeyTrial): Promise<void> {
  const first = await wrapped(keys)
  await expectRejection(destroy(keys, first.context.epoch), 'invalid_transition')
  await expectOpens(keys, first)
  await rotate(keys)
  const second = await wrapped(keys)
  await expectRejection(destroy(keys, second.context.epoch), 'invalid_transition')
  await expectOpens(keys, second)
}

async function destruction({ keys }: KeyTrial): Promise<void> {
  const [first, second, third] = await threeEpochs(keys)
  const { effectiveAt } = await destroy(keys, second.context.epoch)
  expectThat(effectiveAt > 0 && effectiveAt <= MAX_MS, 'the time of destruction is one')
  await expectDead(keys, second)
  await expectOpens(keys, first)
  await expectOpens(keys, third)
  await destroy(keys, first.context.epoch)
  await expectDead(keys, first)
  await expectOpens(keys, third)
  expectEqual(await keys.currentEpoch(), third.context.epoch, 'the epoch after two destructions')
}

async function destroyedAgain({ keys }: KeyTrial): Promise<void> {
  const [first, second] = await threeEpochs(keys)
  const { epoch } = first.context
  const { effectiveAt } = await destroy(keys, epoch)
  const again = await Promise.all([destroy(keys, epoch), destroy(keys, epoch)])
  for (const answer of again) expectEqual(answer.effectiveAt, effectiveAt, 'the time, asked again')
  await rotate(keys)
  expectEqual((await destroy(keys, epoch)).effectiveAt, effectiveAt, 'the time, an epoch later')
  const together = Array.from({ length: 3 }, () => destroy(keys, second.context.epoch))
  const times = (await Promise.all(together)).map((answer) => answer.effectiveAt)
  expectEqual(new Set(times).size, 1, 'the number of times that one epoch was destroyed at')
}

async function neverWas({ keys }: KeyTrial): Promise<void> {
  const all = await threeEpochs(keys)
  const current = await keys.currentEpoch()
  for (const epoch of [current + 1, current + 1_000, 0, -1, 1.5, Number.NaN])
    await expectRejection(destroy(keys, epoch), 'key_unknown', 'invalid_input')
  const context = await contextOf(keys, { epoch: current + 1 })
  await expectRejection(keys.wrap(someKey(), context), 'key_unknown', 'key_unavailable')
  for (const one of all) await expectOpens(keys, one)
}

async function numbersOnce({ keys }: KeyTrial): Promise<void> {
  await wrapped(keys)
  const seen = new Set([await keys.currentEpoch()])
  for (let round = 0; round < 4; round += 1) {
    const old = await keys.currentEpoch()
    const epoch = await rotate(keys)
    expectThat(!seen.has(epoch), 'the number is new')
    seen.add(epoch)
    await destroy(keys, old)
  }
}

async function rotationsAtOnce({ keys }: KeyTrial): Promise<void> {
  const old = await wrapped(keys)
  const made = Array.from({ length: ROTATIONS }, () => rotate(keys))
  await expectEach(keys, await Promise.all(made))
  await expectOpens(keys, old)
}

async function otherProcesses({ keys, again }: KeyTrial): Promise<void> {
  const old = await wrapped(keys)
  const other = await again()
  await expectOpens(other, old)
  const epoch = await rotate(keys)
  expectEqual(await other.currentEpoch(), epoch, 'the epoch in another process')
  const young = await wrapped(keys)
  await expectOpens(other, young)
  await destroy(other, old.context.epoch)
  await expectDead(keys, old)
  await expectDead(other, old)
  await expectDead(await again(), old)
  await expectOpens(await again(), young)
}

async function rotationsEverywhere({ keys, again }: KeyTrial): Promise<void> {
  const old = await wrapped(keys)
  const others = [keys, await again(), await again()]
  const made = [...others, ...others].map((one) => rotate(one))
  await expectEach(keys, await Promise.all(made))
  for (const one of others) await expectOpens(one, old)
}

interface Wrapped {
  readonly bytes: Uint8Array
  readonly context: KeyContext
}

/** A key under an epoch; without one, under the current. */
async function wrapped(keys: KeyProvider, under?: KeyContext): Promise<Wrapped> {
  const context = under ?? (await contextOf(keys))
  return { bytes: await keys.wrap(someKey(context.epoch), context), context }
}

async function threeEpochs(keys: KeyProvider): Promise<readonly [Wrapped, Wrapped, Wrapped]> {
  const first = await wrapped(keys)
  await rotate(keys)
  const second = await wrapped(keys)
  await rotate(keys)
  return [first, second, await wrapped(keys)]
}

/** A number each, the highest of them current, and all of them of use. */
async function expectEach(keys: KeyProvider, epochs: readonly number[]): Promise<void> {
  expectEqual(new Set(epochs).size, epochs.length, 'the number of epochs made')
  expectEqual(await keys.currentEpoch(), Math.max(...epochs), 'the epoch after all rotations')
  for (const epoch of epochs)
    await expectOpens(keys, await wrapped(keys, await contextOf(keys, { epoch })))
}

async function expectOpens(keys: KeyProvider, { bytes, context }: Wrapped): Promise<void> {
  const key = await keys.unwrap(bytes, context)
  expectEqual(key, someKey(context.epoch), `the key of epoch ${context.epoch}`)
}

/** Not unavailable, which would be tried again, nor unknown, which would be searched for. */
async function expectDead(keys: KeyProvider, { bytes, context }: Wrapped): Promise<void> {
  await expectRejection(keys.unwrap(bytes, context), 'key_unreadable')
  await expectRejection(keys.wrap(someKey(), context), 'key_unreadable', 'key_unavailable')
}

function rotate(keys: KeyProvider): Promise<number> {
  if (keys.rotate === undefined) throw new TypeError('a provider with many epochs has rotate')
  return keys.rotate()
}

function destroy(keys: KeyProvider, epoch: number): Promise<Destruction> {
  if (keys.destroy === undefined) throw new TypeError('a provider with many epochs has destroy')
  return keys.destroy(epoch)
}
