import * as nodeModule from 'node:crypto'
import { afterEach, expect, test, vi } from 'vitest'
import { endOfTurn, nodeCrypto } from '../../src/base/platform.ts'

afterEach(() => {
  vi.unstubAllGlobals()
})

test('finds node:crypto where the runtime has it', () => {
  expect(nodeCrypto()?.createHash).toBe(nodeModule.createHash)
})

test.each<[string, unknown]>([
  ['without process', undefined],
  ['with a bundler shim of process', { env: {} }],
  ['where the module is missing', { getBuiltinModule: () => undefined }],
])('has no node:crypto %s', (_, process) => {
  vi.stubGlobal('process', process)
  const found = nodeCrypto()
  vi.unstubAllGlobals()
  expect(found).toBeUndefined()
})

async function orderOfEvents(): Promise<readonly string[]> {
  const order: string[] = []
  const turn = endOfTurn().then(() => order.push('turn'))
  await Promise.resolve()
  order.push('microtask')
  await Promise.resolve().then(() => order.push('nested microtask'))
  await turn
  return order
}

test('the turn ends after all microtasks', async () => {
  expect(await orderOfEvents()).toEqual(['microtask', 'nested microtask', 'turn'])
})

test('the turn ends after all microtasks without setImmediate too', async () => {
  vi.stubGlobal('setImmediate', undefined)
  expect(await orderOfEvents()).toEqual(['microtask', 'nested microtask', 'turn'])
})

test('the turn ends on a platform with microtasks only', async () => {
  vi.stubGlobal('setImmediate', undefined)
  vi.stubGlobal('MessageChannel', undefined)
  await expect(endOfTurn()).resolves.toBeUndefined()
})
