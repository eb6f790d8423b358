import { deleteDB } from 'idb'
import { webCryptoKeys } from 'privity'
import { type KeyProviderSuite, keyProviderSuite, type OpenedKeys } from 'privity/testkit'

type Test = KeyProviderSuite<OpenedKeys>['test']

/** Registers what a page, or a worker of it, can prove of keys in IndexedDB. */
export function registerKeyCases(test: Test): void {
  keyProviderSuite({
    test,
    epochs: 'many',
    open: async () => {
      const name = `suite-${crypto.randomUUID()}`
      return {
        name,
        keys: webCryptoKeys({ name }),
        dispose: () => deleteDB(`privity-keys/${name}`),
      }
    },
    again: async ({ name }) => webCryptoKeys({ name }),
  })
}

/** Runs the case of this title. */
export async function runKeyCase(title: string): Promise<void> {
  const cases = new Map<string, () => Promise<void>>()
  registerKeyCases((name, run) => cases.set(name, run))
  const run = cases.get(title)
  if (run === undefined) throw new TypeError(title)
  await run()
}
