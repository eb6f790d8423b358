import { invalidInput } from '../base/errors.ts'
import { pick } from '../base/members.ts'
import { guardStore } from '../storage/guarded-store.ts'
import type { Store, StoreLimits } from '../storage/store.ts'
import { callable } from './callable.ts'

const NAMES = ['limits', 'open', 'read', 'scan', 'commit', 'scrub', 'close'] as const

/**
 * Reads a store of the app once, and guards what it answers.
 *
 * @throws {@link invalid_input}
 */
export function parseStore(store: unknown, name: 'store' | 'keyStore' | 'journal'): Store {
  const { limits, scrub, ...given } = pick(store, NAMES, [name])
  const method = callable<Store>(store, name)
  const whole = {
    limits: parseLimits(limits, [name, 'limits']),
    open: method('open', given.open),
    read: method('read', given.read),
    scan: method('scan', given.scan),
    commit: method('commit', given.commit),
    close: method('close', given.close),
    ...(scrub === undefined ? {} : { scrub: method('scrub', scrub) }),
  }
  return guardStore(whole, name === 'store' ? undefined : name)
}

function parseLimits(limits: unknown, path: readonly string[]): StoreLimits {
  const { maxOps, maxBytes } = pick(limits, ['maxOps', 'maxBytes'], path)
  if (!isLimit(maxOps)) throw invalidInput([...path, 'maxOps'], 'not_a_limit')
  if (!isLimit(maxBytes)) throw invalidInput([...path, 'maxBytes'], 'not_a_limit')
  return Object.freeze({ maxOps, maxBytes })
}

function isLimit(limit: unknown): limit is number {
  return typeof limit === 'number' && Number.isSafeInteger(limit) && limit > 0
}
