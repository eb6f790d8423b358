import { test } from 'vitest'
import { sqliteStore } from '../../src/adapters/sqlite.ts'
import type { Store } from '../../src/storage/store.ts'
import { type OpenedStore, storeSuite } from '../../src/testkit/store-suite.ts'
import { type FlakyClient, flakyClient } from './flaky-client.ts'
import { type Connection, createFolder, type Driver, type Folder } from './sqlite-drivers.ts'
import { countInTwo, killWhileAppending } from './store-processes.ts'

interface OpenedFile extends OpenedStore {
  readonly folder: Folder
  readonly flaky: FlakyClient
  connect(): Store
}

/** The whole suite over files, with everything that can be proven of them. */
export function sqliteSuite(driver: Driver): void {
  storeSuite({
    test: (title, run) => test(title, run, 60_000),
    open: async () => openFile(driver),
    again: async ({ connect }) => connect(),
    failAt: ({ flaky }, call, when) => flaky.failAt(call, when),
    residue: async ({ folder }) => folder.contents(),
    kill: ({ folder }) => killWhileAppending(driver, folder.file),
    race: ({ folder }, times) => countInTwo(driver, folder.file, times),
  })
}

function openFile(driver: Driver): OpenedFile {
  const folder = createFolder()
  const connections: Connection[] = []
  function connection(): Connection {
    const opened = driver.connect(folder.file)
    connections.push(opened)
    return opened
  }
  const flaky = flakyClient(connection(), driver.failure('IOERR', 10))
  return {
    folder,
    flaky,
    store: sqliteStore(flaky),
    connect: () => sqliteStore(connection()),
    dispose: async () => {
      for (const opened of connections) opened.close()
      folder.remove()
    },
  }
}
