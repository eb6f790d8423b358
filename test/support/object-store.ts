/** An object store in memory. */
export interface TestBucket {
  readonly keys: Set<string>
  list(prefix: string): AsyncIterable<string>
  remove(key: string): Promise<void>
}

export function createBucket(...keys: readonly string[]): TestBucket {
  const held = new Set(keys)
  return {
    keys: held,
    list: async function* list(prefix) {
      for (const key of [...held].filter((one) => one.startsWith(prefix))) yield key
    },
    remove: async (key) => {
      held.delete(key)
    },
  }
}
