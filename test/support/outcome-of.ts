import { isPrivityError } from 'privity'

/** How a call ends: `done`, or the code of the error; what is no error of the library fails the test. */
export async function outcomeOf(running: Promise<unknown>): Promise<string> {
  try {
    await running
    return 'done'
  } catch (error) {
    if (isPrivityError(error)) return error.code
    throw error
  }
}
