import { type AnyPrivityError, isPrivityError } from 'privity'

/** The error of the library that a call ends in; whatever else it ends in fails the test. */
export async function errorOf(call: Promise<unknown> | (() => unknown)): Promise<AnyPrivityError> {
  try {
    await (typeof call === 'function' ? call() : call)
  } catch (error) {
    if (isPrivityError(error)) return error
    throw error
  }
  throw new TypeError('the call was to fail')
}
