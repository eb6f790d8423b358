import { type MemoryData, memoryData } from '../../src/adapters/memory.ts'
import type { BusyStore } from './deep-store.ts'
import type { Seeded } from './seeded.ts'

/** Something that a person with write access to the database did to it. */
export interface Mutation {
  readonly kind: MutationKind
  /** Rows that are no longer what they were. */
  readonly keys: readonly string[]
  readonly after: ReadonlyMap<string, Uint8Array | undefined>
}

export type MutationKind = 'flip' | 'delete' | 'swap' | 'duplicate' | 'older'

/** Rows that deep verification does not cover, by name without the tenant. */
const QUEUES = /^[0-9a-f]{16}\/c\/q\//

/** Every row that deep verification covers, in order. */
export function coveredKeys({ data }: BusyStore): readonly string[] {
  return [...data.rows.keys()].filter((key) => !QUEUES.test(key)).toSorted()
}

/** One bit, or, of a row without bytes, its first byte. */
export function flip({ data }: BusyStore, key: string, random: Seeded): Mutation {
  const value = storedAt(data, key).slice()
  if (value.length === 0) return mutation('flip', [[key, Uint8Array.of(0)]])
  const bit = random.below(8 * value.length)
  value[bit >> 3] = (value[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return mutation('flip', [[key, value]])
}

export function remove(key: string): Mutation {
  return mutation('delete', [[key, undefined]])
}

/** Undefined when both hold the same. */
export function swap({ data }: BusyStore, one: string, other: string): Mutation | undefined {
  const [a, b] = [storedAt(data, one), storedAt(data, other)]
  if (Buffer.compare(a, b) === 0) return undefined
  return mutation('swap', [
    [one, b],
    [other, a],
  ])
}

/** Under a key of the same family that nobody uses: its last digit is another one. */
export function duplicate({ data }: BusyStore, key: string, random: Seeded): Mutation | undefined {
  const last = random.below(16).toString(16)
  const copy = random.below(4) === 0 ? `${key}${last}` : `${key.slice(0, -1)}${last}`
  if (data.rows.has(copy)) return undefined
  return mutation('duplicate', [[copy, storedAt(data, key)]])
}

/** Every value that the row had before, where it differs. */
export function olderValues({ data, older }: BusyStore, key: string): readonly Mutation[] {
  const now = storedAt(data, key)
  return (older.get(key) ?? []).flatMap((value) =>
    Buffer.compare(value, now) === 0 ? [] : [mutation('older', [[key, value]])],
  )
}

/** Rows that were deleted since, put back. */
export function deletedRows({ data, older }: BusyStore): readonly Mutation[] {
  return [...older].flatMap(([key, values]) =>
    data.rows.has(key) || QUEUES.test(key)
      ? []
      : values.slice(-1).map((value) => mutation('older', [[key, value]])),
  )
}

/** Changes the rows, runs, and changes them back. */
export async function withMutation<T>(
  data: MemoryData,
  { after }: Mutation,
  run: (data: MemoryData) => Promise<T>,
): Promise<T> {
  const before = new Map([...after.keys()].map((key) => [key, data.rows.get(key)]))
  setRows(data, after)
  try {
    return await run(data)
  } finally {
    setRows(data, before)
  }
}

/** The same rows once more. */
export function copyOf({ rows }: MemoryData): MemoryData {
  const copy = memoryData()
  setRows(copy, rows)
  return copy
}

export function setRows(data: MemoryData, rows: ReadonlyMap<string, Uint8Array | undefined>): void {
  for (const [key, value] of rows) {
    if (value === undefined) {
      if (data.rows.delete(key)) data.order.remove(key)
    } else {
      if (!data.rows.has(key)) data.order.add(key)
      data.rows.set(key, value)
    }
  }
}

function mutation(
  kind: MutationKind,
  changes: readonly (readonly [string, Uint8Array | undefined])[],
): Mutation {
  return { kind, keys: changes.map(([key]) => key), after: new Map(changes) }
}

function storedAt({ rows }: MemoryData, key: string): Uint8Array {
  const value = rows.get(key)
  if (value === undefined) throw new TypeError('a row that should be there is not')
  return value
}
