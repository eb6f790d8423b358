import { type ErrorCode, isPrivityError } from '../base/errors.ts'

/**
 * What says that nobody opens a document any more: its keys are gone, or it is not what was sealed. A key that is
 * only withheld, or a store that is silent, says nothing of the kind.
 */
const UNREADABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'key_unknown',
  'key_unreadable',
  'decryption_failed',
  'unsupported_format',
])

/** Whether an error says that stored bytes of a person do not open, now or ever: no reason to leave others out. */
export function isUnreadable(error: unknown): boolean {
  return isPrivityError(error) && UNREADABLE.has(error.code)
}
