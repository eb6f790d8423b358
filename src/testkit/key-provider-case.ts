import type { KeyContext, KeyProvider } from '../keys/provider.ts'

/** What a case works with. */
export interface KeyTrial {
  readonly keys: KeyProvider
  /** Another provider over other secrets. */
  readonly stranger: () => Promise<KeyProvider>
  /** Another provider over the same secrets, as a second process would have. */
  readonly again: () => Promise<KeyProvider>
  /** Takes the secrets out of reach; the function that it gives puts them back. */
  readonly outage: () => Promise<() => Promise<void>>
}

/** A capability that the suite may not have been given. */
export type KeyNeed = 'again' | 'outage'

/** One behaviour, and what it takes to try it. */
export interface KeyCase {
  readonly title: string
  readonly run: (trial: KeyTrial) => Promise<void>
  readonly needs?: KeyNeed
}

/** Where the keys of the cases belong, but for what a case changes. */
export async function contextOf(
  keys: KeyProvider,
  changes: Partial<KeyContext> = {},
): Promise<KeyContext> {
  return {
    storeId: '00112233445566778899aabbccddeeff',
    epoch: await keys.currentEpoch(),
    accessClass: 'contact:care!health',
    salt: Uint8Array.from({ length: 32 }, (_, at) => 7 * at + 1),
    ...changes,
  }
}

/** Bytes like those of a key: no two of one test alike. */
export function someKey(number = 0, length = 32): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 167 + number * 59 + (at >> 8)) % 256)
}
