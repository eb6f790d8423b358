import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { orAbort } from '../../src/base/signal.ts'

test('gives the value when nobody aborts, and leaves no listener behind', async () => {
  const { signal } = new AbortController()
  expect(await orAbort(Promise.resolve(7), signal)).toBe(7)
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
})

test('gives the reason of a signal that was aborted before', async () => {
  const reason = new RangeError('enough')
  await expect(orAbort(Promise.resolve(7), AbortSignal.abort(reason))).rejects.toBe(reason)
})

test('does not wait for a value that never comes once the signal aborts', async () => {
  const controller = new AbortController()
  const waiting = orAbort(new Promise<never>(() => undefined), controller.signal)
  const reason = new RangeError('enough')
  controller.abort(reason)
  await expect(waiting).rejects.toBe(reason)
})

test('keeps a failure after the abort to itself', async () => {
  const controller = new AbortController()
  let fail: (error: unknown) => void = () => undefined
  const value = new Promise<never>((_, reject) => {
    fail = reject
  })
  const waiting = orAbort(value, controller.signal)
  controller.abort(new RangeError('enough'))
  fail(new RangeError('too late'))
  await expect(waiting).rejects.toThrow(RangeError)
})
