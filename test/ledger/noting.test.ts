import { expect, test } from 'vitest'
import { PrivityError } from '../../src/base/errors.ts'
import { createNoting } from '../../src/ledger/noting.ts'
import { fakeClock, until } from '../support/acme.ts'

const MINUTE = 60_000

function counted(outcomes: readonly (PrivityError | undefined)[] = []): {
  readonly enter: () => Promise<void>
  readonly entered: () => number
} {
  let count = 0
  const enter = async (): Promise<void> => {
    const failure = outcomes[count]
    count += 1
    if (failure !== undefined) throw failure
  }
  return { enter, entered: () => count }
}

test('what grew is noted a minute later, also when nothing more comes', async () => {
  const clock = fakeClock()
  const { enter, entered } = counted()
  const noting = createNoting({ clock }, enter)
  noting.grew()
  clock.advance(MINUTE - 1)
  await until(() => clock.waiting === 1)
  expect(entered()).toBe(0)
  clock.advance(1)
  await until(() => entered() === 1)
  expect(clock.waiting).toBe(0)
})

test('a log is noted once a minute, however often it grows', async () => {
  const clock = fakeClock()
  const { enter, entered } = counted()
  const noting = createNoting({ clock }, enter)
  for (const minute of [1, 2, 3]) {
    for (let times = 0; times < 60; times += 1) noting.grew()
    expect(clock.waiting).toBe(1)
    clock.advance(MINUTE)
    await until(() => entered() === minute)
  }
  expect(clock.waiting).toBe(0)
})

test('what grows while a note is entered is noted a minute after that', async () => {
  const clock = fakeClock()
  let entered = 0
  let finish = (): void => undefined
  const noting = createNoting({ clock }, async () => {
    entered += 1
    if (entered === 1) await new Promise<void>((resolve) => (finish = resolve))
  })
  noting.grew()
  clock.advance(MINUTE)
  await until(() => entered === 1)
  noting.grew()
  finish()
  await until(() => clock.waiting === 1)
  clock.advance(MINUTE)
  await until(() => entered === 2)
})

test('a note that fails is tried again a minute later', async () => {
  const clock = fakeClock()
  const full = new PrivityError('store_full', { reason: 'disk_full' })
  const { enter, entered } = counted([full, full])
  createNoting({ clock }, enter).grew()
  for (const count of [1, 2, 3]) {
    await until(() => clock.waiting === 1)
    clock.advance(MINUTE)
    await until(() => entered() === count)
  }
  expect(clock.waiting).toBe(0)
})

test('nobody goes on asking a store that is closed, or a log that is contradicted', async () => {
  const final = [
    new PrivityError('store_closed', { reason: 'closed' }),
    new PrivityError('ledger_inconsistent', { origin: 'acme', kind: 'fork' }),
  ]
  for (const failure of final) {
    const clock = fakeClock()
    const { enter, entered } = counted([failure])
    createNoting({ clock }, enter).grew()
    clock.advance(MINUTE)
    await until(() => entered() === 1)
    await new Promise((resolve) => setImmediate(resolve))
    expect(clock.waiting).toBe(0)
  }
})

test('nothing is noted any more once it is stopped', async () => {
  const clock = fakeClock()
  const { enter, entered } = counted()
  const noting = createNoting({ clock }, enter)
  noting.grew()
  noting.stop()
  noting.grew()
  expect(clock.waiting).toBe(0)
  clock.advance(MINUTE)
  await new Promise((resolve) => setImmediate(resolve))
  expect(entered()).toBe(0)
})
