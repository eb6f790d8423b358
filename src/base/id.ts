import { toHex } from './bytes.ts'

/** A string that the compiler keeps apart from other strings; no trace at run time. */
export type Brand<T, B extends string> = T & { readonly __brand?: B }

/** The random id of one person: a pseudonym, without meaning outside this store. */
export type SubjectId = Brand<string, 'SubjectId'>

const ID = /^[0-9a-f]{32}$/

/** A new random id: 128 bits from the platform's generator as 32 lower-case hexadecimal digits. */
export function randomId(): string {
  return toHex(crypto.getRandomValues(new Uint8Array(16)))
}

/** Tells whether a text is spelled like an id; not whether the id exists. */
export function isId(text: unknown): text is string {
  return typeof text === 'string' && ID.test(text)
}
