import { concatBytes } from '../../base/bytes.ts'
import type { Batch, Key } from '../../storage/store.ts'
import type { PostgresParameter } from './client.ts'

/** What a batch does with a row, by what it asks of the row before. */
export type WriteKind = 'change' | 'create' | 'put' | 'drop' | 'remove' | 'absent'

/** The writes of one kind, ready to be bound, and how many there are. */
export interface WriteSet {
  readonly count: number
  readonly parameters: readonly PostgresParameter[]
}

/** A batch, sorted by what its statements do. */
export type Writes = { readonly [K in WriteKind]: WriteSet }

interface Write {
  readonly key: Key
  readonly old: Uint8Array
  readonly value: Uint8Array
}

const NOTHING = new Uint8Array(0)
const KINDS = ['change', 'create', 'put', 'drop', 'remove', 'absent'] as const

/**
 * Takes a batch over, as parameters that every client binds alike: texts, and one array of bytes. Arrays
 * are bound differently by each client, and would double the bytes.
 */
export function toWrites({ checks, put, del }: Batch): Writes {
  const expected = new Map(checks)
  const sorted: { readonly [K in WriteKind]: Write[] } = {
    change: [],
    create: [],
    put: [],
    drop: [],
    remove: [],
    absent: [],
  }
  for (const [key, value] of put) {
    const old = expected.get(key)
    const kind = old === undefined ? 'put' : old === null ? 'create' : 'change'
    sorted[kind].push({ key, old: old ?? NOTHING, value })
  }
  for (const key of del) {
    const old = expected.get(key)
    const kind = old === undefined ? 'remove' : old === null ? 'absent' : 'drop'
    sorted[kind].push({ key, old: old ?? NOTHING, value: NOTHING })
  }
  return Object.fromEntries(KINDS.map((kind) => [kind, toSet(sorted[kind])])) as Writes
}

/** In the order of keys, so that batches lock rows in the same order. */
function toSet(writes: Write[]): WriteSet {
  writes.sort((a, b) => (a.key < b.key ? -1 : 1))
  const starts: number[] = []
  let at = 1
  for (const { old, value } of writes) {
    starts.push(at)
    at += old.length + value.length
  }
  const parameters = [
    writes.map(({ key }) => key).join(' '),
    starts.join(' '),
    writes.map(({ old }) => old.length).join(' '),
    writes.map(({ value }) => value.length).join(' '),
    concatBytes(writes.flatMap(({ old, value }) => [old, value])),
  ]
  return { count: writes.length, parameters }
}
