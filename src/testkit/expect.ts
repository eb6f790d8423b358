import { toHex } from '../base/bytes.ts'
import { type AnyPrivityError, type ErrorCode, isPrivityError } from '../base/errors.ts'

/** Bytes shown of a value that is not the expected one. */
const SHOWN = 16

/**
 * Passes if both are the same: primitives, bytes, arrays of such. The suite runs in browsers too,
 * so it brings its own.
 */
export function expectEqual(actual: unknown, expected: unknown, what: string): void {
  const difference = differenceOf(actual, expected, what)
  if (difference !== undefined) throw new TypeError(difference)
}

/** Passes if the condition holds. */
export function expectThat(condition: boolean, what: string): void {
  if (!condition) throw new TypeError(`expected that ${what}`)
}

/** The error that the promise rejects with, provided that it has one of these codes. */
export async function expectRejection(
  promise: Promise<unknown>,
  ...codes: readonly ErrorCode[]
): Promise<AnyPrivityError> {
  const error = await rejectionOf(promise)
  if (error === undefined) throw new TypeError(`expected ${codes.join(' or ')}, but it resolved`)
  if (!isPrivityError(error)) {
    throw new TypeError(`expected ${codes.join(' or ')}, but it is no PrivityError`)
  }
  if (!codes.includes(error.code)) {
    throw new TypeError(`expected ${codes.join(' or ')}, not ${error.code}`)
  }
  return error
}

/** What the promise rejects with; `undefined` when it resolves. */
export async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
    return undefined
  } catch (error) {
    return error ?? new TypeError('it rejected with nothing')
  }
}

function differenceOf(actual: unknown, expected: unknown, what: string): string | undefined {
  if (Array.isArray(expected) && Array.isArray(actual)) return inArrays(actual, expected, what)
  if (sameAtom(actual, expected)) return undefined
  return `${what} is ${show(actual)}, expected ${show(expected)}`
}

function inArrays(
  actual: readonly unknown[],
  expected: readonly unknown[],
  what: string,
): string | undefined {
  if (actual.length !== expected.length) {
    return `${what} has ${actual.length} entries, expected ${expected.length}`
  }
  for (const [index, entry] of expected.entries()) {
    const difference = differenceOf(actual[index], entry, `${what}[${index}]`)
    if (difference !== undefined) return difference
  }
  return undefined
}

function sameAtom(actual: unknown, expected: unknown): boolean {
  if (!(actual instanceof Uint8Array && expected instanceof Uint8Array)) {
    return Object.is(actual, expected)
  }
  return actual.length === expected.length && actual.every((byte, at) => byte === expected[at])
}

function show(value: unknown): string {
  if (value instanceof Uint8Array) {
    const more = value.length > SHOWN ? '…' : ''
    return `${value.length} bytes ${toHex(value.subarray(0, SHOWN))}${more}`
  }
  if (Array.isArray(value)) return `${value.length} entries`
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}
