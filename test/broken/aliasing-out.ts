import { type RegisterSuite, overMemory } from './over-memory.ts'

/** Hands out its cache. */
export const aliasingOut: RegisterSuite = overMemory((right) => {
  const cache = new Map<string, Uint8Array>()
  return {
    read: async (keys) => {
      const values = await right.read(keys)
      return values.map((value, index) => cached(cache, keys[index] ?? '', value))
    },
  }
})

function cached(
  cache: Map<string, Uint8Array>,
  key: string,
  value: Uint8Array | undefined,
): Uint8Array | undefined {
  if (value === undefined) return undefined
  const known = cache.get(key)
  if (known !== undefined) return known
  cache.set(key, value)
  return value
}
