import type { KeyProvider } from '../keys/provider.ts'
import { BASIC_CASES } from './key-provider-basics.ts'
import type { KeyCase, KeyNeed, KeyTrial } from './key-provider-case.ts'
import { EPOCH_CASES, ONE_EPOCH_CASES } from './key-provider-epochs.ts'
import { type Gap, type RegisterTest, registerGaps } from './not-proven.ts'

/** A key provider over secrets of its own. */
export interface OpenedKeys {
  readonly keys: KeyProvider
  /** Frees what the provider and every other one on its secrets use. */
  dispose(): Promise<void>
}

/**
 * What the test of a key provider gives to the suite. There is nothing to switch off: what cannot be tried is
 * registered as a test whose title says that it is not proven, and a last title lists it all. They are skipped by
 * runners that can skip, and pass elsewhere.
 */
export interface KeyProviderSuite<Opened extends OpenedKeys> {
  /** Registers one test: `test` of any runner. Its `skip`, if it has one, takes what is not proven. */
  readonly test: RegisterTest
  /** A provider over new secrets: two of them open nothing of each other. */
  readonly open: () => Promise<Opened>
  /** Whether epochs can die (`many`), or there is one for ever. */
  readonly epochs: 'one' | 'many'
  /** Another provider over the same secrets, as a second process would have. */
  readonly again?: (opened: Opened) => Promise<KeyProvider>
  /** Takes the secrets out of reach, and gives a function that puts them back. */
  readonly outage?: (opened: Opened) => Promise<() => Promise<void>>
}

/**
 * Registers the tests that every key provider must pass, whatever the runner. They wrap a key before they rotate,
 * so a provider may wait with its first secret until then.
 *
 * @example
 * ```ts
 * import { localKeys } from 'privity'
 * import { keyProviderSuite } from 'privity/testkit'
 *
 * const titles: string[] = []
 * keyProviderSuite({
 *   test: (title) => titles.push(title),
 *   epochs: 'one',
 *   open: async () => ({
 *     keys: localKeys(crypto.getRandomValues(new Uint8Array(32))),
 *     dispose: async () => {},
 *   }),
 * })
 * console.log(titles[0]) // K1 a key comes back as it was wrapped
 * ```
 */
export function keyProviderSuite<Opened extends OpenedKeys>(suite: KeyProviderSuite<Opened>): void {
  const cases = [...BASIC_CASES, ...(suite.epochs === 'many' ? EPOCH_CASES : ONE_EPOCH_CASES)]
  const gaps: Gap[] = []
  for (const keyCase of cases) {
    const { title, needs } = keyCase
    if (needs !== undefined && suite[needs] === undefined) gaps.push({ title, needs })
    else suite.test(title, () => runCase(suite, keyCase))
  }
  registerGaps(suite.test, gaps)
}

async function runCase<Opened extends OpenedKeys>(
  suite: KeyProviderSuite<Opened>,
  { run }: KeyCase,
): Promise<void> {
  const opened = await suite.open()
  const others: Opened[] = []
  try {
    await run(trialOf(suite, opened, others))
  } finally {
    await Promise.allSettled([opened, ...others].map((one) => one.dispose()))
  }
}

function trialOf<Opened extends OpenedKeys>(
  suite: KeyProviderSuite<Opened>,
  opened: Opened,
  others: Opened[],
): KeyTrial {
  return {
    keys: opened.keys,
    stranger: async () => {
      const other = await suite.open()
      others.push(other)
      return other.keys
    },
    again: () => given(suite.again, 'again')(opened),
    outage: () => given(suite.outage, 'outage')(opened),
  }
}

function given<T>(capability: T | undefined, need: KeyNeed): T {
  if (capability === undefined) throw new TypeError(`a case uses ${need} without needing it`)
  return capability
}
