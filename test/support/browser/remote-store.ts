import type { Page } from 'playwright'
import { type ErrorCode, type ErrorDetails, PrivityError } from '../../../src/base/errors.ts'
import type { IdbStoreOptions, Store } from 'privity/idb'
import type { Outcome, StoreCall } from './store-page.ts'

const LIMITS = { maxOps: 10_000, maxBytes: 16_777_216 }

let made = 0

/** A store of a page, as a store of the test; `page` is asked at each call, as pages come and go. */
export function remoteStore(page: () => Page, name: string, options: IdbStoreOptions = {}): Store {
  made += 1
  const id = `store-${made}`
  async function call<T>(verb: StoreCall['verb'], ...args: readonly unknown[]): Promise<T> {
    const outcome = await page().evaluate(callIn, { id, name, options, verb, args })
    if ('value' in outcome) return outcome.value as T
    const { code, details } = outcome.error
    throw new PrivityError(code as ErrorCode, details as ErrorDetails[ErrorCode])
  }
  return {
    limits: LIMITS,
    open: () => call('open'),
    read: (keys) => call('read', keys),
    scan: (prefix, options) => call('scan', prefix, options),
    commit: (batch) => call('commit', batch),
    close: () => call('close'),
  }
}

// Runs in the page.
function callIn(call: StoreCall): Promise<Outcome> {
  return globalThis.storePage.call(call)
}
