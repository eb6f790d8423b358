import { isPrivityError } from './errors.ts'

/** What was opened; undefined for what the library says does not open. Whatever else goes wrong is thrown. */
export function ifOpens<T>(open: () => T): T | undefined {
  try {
    return open()
  } catch (error) {
    if (isPrivityError(error)) return undefined
    throw error
  }
}
