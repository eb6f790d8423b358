/** What may be about one record, or about all of a type. */
export interface AboutRecord {
  readonly record: string
  /** One of many. Default: all of them. */
  readonly recordId?: string
}

/** One record, by the name of its type. */
export interface RecordName {
  readonly record: string
  readonly recordId: string | undefined
}

/** Tells what is about a record, in the order in which it was given. */
export type ByRecord<T> = (name: RecordName) => readonly T[]

interface OfType<T> {
  readonly all: Placed<T>[]
  readonly one: Map<string, Placed<T>[]>
}

interface Placed<T> {
  readonly at: number
  readonly item: T
}

/** Sorts once what is asked for record by record: somebody may have ten thousand of them, and as many facts. Pure. */
export function byRecord<T extends AboutRecord>(items: readonly T[]): ByRecord<T> {
  const types = new Map<string, OfType<T>>()
  for (const [at, item] of items.entries()) {
    const { record, recordId } = item
    const type = types.get(record) ?? { all: [], one: new Map() }
    types.set(record, type)
    const own = recordId === undefined ? type.all : (type.one.get(recordId) ?? [])
    if (recordId !== undefined) type.one.set(recordId, own)
    own.push({ at, item })
  }
  return ({ record, recordId }) => {
    const type = types.get(record)
    if (type === undefined) return []
    const own = recordId === undefined ? [] : (type.one.get(recordId) ?? [])
    const found = own.length === 0 ? type.all : [...own, ...type.all].sort((a, b) => a.at - b.at)
    return found.map(({ item }) => item)
  }
}
