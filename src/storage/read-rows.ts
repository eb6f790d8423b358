import type { Key, Store } from './store.ts'

/** Rows of one moment, by their keys; a row that there is not has no value. */
export type ReadRows = ReadonlyMap<Key, Uint8Array | undefined>

/** Reads rows at once; asks for nothing where there are no keys. */
export async function readRows(
  store: Pick<Store, 'read'>,
  keys: readonly Key[],
): Promise<ReadRows> {
  return rowsOf(keys, keys.length === 0 ? [] : await store.read(keys))
}

/** The values of keys that were read together, in the order of these. */
export function rowsOf(
  keys: readonly Key[],
  values: readonly (Uint8Array | undefined)[],
): ReadRows {
  return new Map(keys.map((key, at) => [key, values[at]]))
}
