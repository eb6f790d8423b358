import { DatabaseSync } from 'node:sqlite'
import { test } from 'vitest'
import { sqliteStore } from '../../src/adapters/sqlite.ts'
import type { Store } from '../../src/storage/store.ts'
import { type OpenedStore, storeSuite } from '../../src/testkit/store-suite.ts'
import type { BatchConnection, BatchDriver } from './batch-clients.ts'
import { type Failure, flakyBatches } from './flaky-batches.ts'
import { createFolder, type Folder } from './sqlite-drivers.ts'
import { countInMany, killWhileAppending, killWhileOpening } from './store-processes.ts'

interface OpenedFile extends OpenedStore {
  readonly folder: Folder
  /** Which batch from now on fails, and whether the database gets it. */
  readonly failure: Failure
  connect(): Store
  readOnly(): Store
}

const CROWD = 4

/** The whole suite over what stands in for a service that takes batches. */
export function batchSuite(driver: BatchDriver): void {
  storeSuite({
    test: (title, run) => test(title, run, 120_000),
    durability: 'process-crash',
    open: async () => openFile(driver),
    again: async ({ connect }) => connect(),
    failAt: ({ failure }, call, when) => {
      failure.left = call
      failure.when = when
    },
    remove: async ({ folder }) => {
      const database = new DatabaseSync(folder.file)
      database.exec('DROP TABLE privity_rows')
      database.close()
    },
    readOnly: async ({ readOnly }) => readOnly(),
    kill: ({ folder }) => killWhileAppending(driver, folder.file),
    killDuring: async ({ folder }, work) => {
      // There is no scrub to kill.
      if (work === 'open') await killWhileOpening(driver, folder.file)
    },
    race: ({ folder }, times) => countInMany(driver, folder.file, { times, many: 2 }),
    crowd: async ({ folder }, times) => {
      await countInMany(driver, folder.file, { times, many: CROWD })
      return CROWD
    },
  })
}

function openFile(driver: BatchDriver): OpenedFile {
  const folder = createFolder()
  const connections: BatchConnection[] = []
  const failure: Failure = { left: 0, when: 'before' }
  function connection(access?: 'readOnly'): BatchConnection {
    const opened = driver.connect(folder.file, access)
    connections.push(opened)
    return opened
  }
  return {
    folder,
    failure,
    store: sqliteStore(flakyBatches(connection(), failure)),
    connect: () => sqliteStore(connection()),
    readOnly: () => sqliteStore(connection('readOnly')),
    dispose: async () => {
      for (const opened of connections) opened.close()
      folder.remove()
    },
  }
}
