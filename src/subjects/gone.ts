import { isPrivityError } from '../base/errors.ts'

/** Whether an error says that nobody is there: erased or on the way out, or never registered. */
export function isGone(error: unknown): boolean {
  return isPrivityError(error, 'erased') || isPrivityError(error, 'not_found')
}
