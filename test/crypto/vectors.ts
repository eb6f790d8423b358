import { readFileSync } from 'node:fs'
import { vi } from 'vitest'

const FOLDER = new URL('../vectors/', import.meta.url)

/** One group of a Wycheproof file; all texts are hexadecimal. */
export interface Group<T> {
  readonly ivSize: number
  readonly keySize: number
  readonly tagSize: number
  readonly publicKey: { readonly pk: string }
  readonly tests: readonly T[]
}

/** What every Wycheproof test says of itself. */
export interface Test {
  readonly tcId: number
  readonly comment: string
  readonly result: 'valid' | 'invalid' | 'acceptable'
}

/** A test of authenticated encryption. */
export interface AeadTest extends Test {
  readonly key: string
  readonly iv: string
  readonly aad: string
  readonly msg: string
  readonly ct: string
  readonly tag: string
}

/** The groups of one Wycheproof file, held against the number of tests it promises. */
export function wycheproof<T extends Test>(name: string): readonly Group<T>[] {
  const file = JSON.parse(read(`wycheproof/${name}_test.json`))
  const groups: readonly Group<T>[] = file.testGroups
  const count = groups.reduce((sum, { tests }) => sum + tests.length, 0)
  if (count !== file.numberOfTests) throw new TypeError(`${name} has ${count} tests`)
  return groups
}

/** The vectors copied from RFCs, by name. */
export function rfcVectors(): { readonly [name: string]: { readonly [field: string]: string } } {
  return JSON.parse(read('rfc-crypto-vectors.json'))
}

/** Bytes of a hexadecimal text. */
export function hex(text: string | undefined): Uint8Array {
  if (text === undefined) throw new TypeError('a vector lacks a field')
  return new Uint8Array(Buffer.from(text, 'hex'))
}

/** Imports a module as a runtime without node:crypto would see it. */
export async function withoutNode<T>(load: () => Promise<T>): Promise<T> {
  const spy = vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined)
  vi.resetModules()
  try {
    return await load()
  } finally {
    spy.mockRestore()
    vi.resetModules()
  }
}

function read(path: string): string {
  return readFileSync(new URL(path, FOLDER), 'utf8')
}
