import type { BatchClient } from '../../src/adapters/sqlite/batch-client.ts'

/** Which batch from now on fails, and whether the database gets it. */
export interface Failure {
  left: number
  when: 'before' | 'after'
}

/** The same client, one batch of which fails. */
export function flakyBatches<C extends BatchClient>(client: C, failure: Failure): C {
  return new Proxy(client, {
    get: (_, name) => {
      const value: unknown = Reflect.get(client, name, client)
      if (typeof value !== 'function') return value
      return name === 'batch' ? flaky(value.bind(client), failure) : value.bind(client)
    },
  })
}

function flaky<T>(
  batch: (...args: readonly unknown[]) => Promise<T>,
  failure: Failure,
): (...args: readonly unknown[]) => Promise<T> {
  return async (...args) => {
    failure.left -= 1
    if (failure.left === 0 && failure.when === 'before') throw new Error('cut before')
    const result = await batch(...args)
    if (failure.left === 0) throw new Error('cut after')
    return result
  }
}
