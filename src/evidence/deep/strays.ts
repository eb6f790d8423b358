import type { Key, Store } from '../../storage/store.ts'

/** The longest key there is; see storage/store.ts. */
const KEY_LENGTH = 256

/**
 * Rows under a prefix that belong to none of these names, at one read for each name: a name that ends in a
 * slash stands for all rows below it, and is jumped over.
 */
export async function* findStrays(
  store: Pick<Store, 'scan'>,
  prefix: Key,
  names: readonly string[],
): AsyncGenerator<Key> {
  for (let after: Key | undefined; ; ) {
    const [row] = await store.scan(prefix, { after, limit: 1 })
    if (row === undefined) return
    const [key] = row
    const name = names.find((known) => isUnder(key.slice(prefix.length), known))
    if (name === undefined) yield key
    after = name?.endsWith('/') ? lastUnder(`${prefix}${name}`) : key
  }
}

/** The greatest key that begins so. */
export function lastUnder(prefix: Key): Key {
  return prefix.padEnd(KEY_LENGTH, '~')
}

function isUnder(rest: string, name: string): boolean {
  return name.endsWith('/') ? rest.startsWith(name) : rest === name
}
