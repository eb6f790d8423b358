import { vi } from 'vitest'

/** Runs something while the platform's generator gives these bytes, from the first on each call. */
export async function withRandom<T>(bytes: Uint8Array, run: () => T | Promise<T>): Promise<T> {
  const spy = vi.spyOn(crypto, 'getRandomValues').mockImplementation((target) => {
    if (target instanceof Uint8Array) target.set(bytes.subarray(0, target.length))
    return target
  })
  try {
    return await run()
  } finally {
    spy.mockRestore()
  }
}
