import { invalidInput } from '../base/errors.ts'
import { pick } from '../base/members.ts'
import { type GuardedKeys, guardKeys } from '../keys/guarded-keys.ts'
import type { KeyProvider } from '../keys/provider.ts'
import { callable } from './callable.ts'

const NAMES = [
  'id',
  'irrecoverableBy',
  'currentEpoch',
  'wrap',
  'unwrap',
  'rotate',
  'destroy',
] as const
const ENDS: readonly unknown[] = [
  'backup_expiry',
  'epoch_end',
] satisfies readonly KeyProvider['irrecoverableBy'][]
const MAX_ID = 1_024

/**
 * Reads a key provider of the app once, and guards what it answers.
 *
 * @throws {@link invalid_input}
 */
export function parseKeys(keys: unknown): GuardedKeys {
  const { id, irrecoverableBy, rotate, destroy, ...given } = pick(keys, NAMES, ['keys'])
  const method = callable<KeyProvider>(keys, 'keys')
  // Both are in every certificate of erasure, which must not fail when the keys are gone.
  if (!isId(id)) throw invalidInput(['keys', 'id'], 'not_an_id')
  if (!isEnd(irrecoverableBy)) throw invalidInput(['keys', 'irrecoverableBy'], 'not_an_end')
  return guardKeys({
    id,
    irrecoverableBy,
    currentEpoch: method('currentEpoch', given.currentEpoch),
    wrap: method('wrap', given.wrap),
    unwrap: method('unwrap', given.unwrap),
    ...(rotate === undefined ? {} : { rotate: method('rotate', rotate) }),
    ...(destroy === undefined ? {} : { destroy: method('destroy', destroy) }),
  })
}

function isId(id: unknown): id is string {
  return typeof id === 'string' && id !== '' && id.length <= MAX_ID && id.isWellFormed()
}

function isEnd(end: unknown): end is KeyProvider['irrecoverableBy'] {
  return ENDS.includes(end)
}
