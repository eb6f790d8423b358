import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { test, vi } from 'vitest'
import { sqliteStore } from '../../src/adapters/sqlite.ts'
import type { Store } from '../../src/storage/store.ts'
import { type OpenedStore, storeSuite } from '../../src/testkit/store-suite.ts'
import { type FlakyClient, flakyClient } from './flaky-client.ts'
import { scaled } from './scale.ts'
import { type Connection, createFolder, type Driver, type Folder } from './sqlite-drivers.ts'
import {
  countInMany,
  killWhileAppending,
  killWhileOpening,
  killWhileScrubbing,
} from './store-processes.ts'

interface OpenedFile extends OpenedStore {
  readonly folder: Folder
  readonly flaky: FlakyClient
  connect(): Store
  readOnly(): Store
}

/** The whole suite over files, with everything that can be proven of them. */
export function sqliteSuite(driver: Driver): void {
  storeSuite({
    test: (title, run) => test(title, run, 300_000),
    open: async () => openFile(driver),
    again: async ({ connect }) => connect(),
    failAt: ({ flaky }, call, when) => flaky.failAt(call, when),
    residue: async ({ folder }) => folder.contents(),
    kill: ({ folder }) => killWhileAppending(driver, folder.file),
    // Of each driver.
    kills: scaled({ ci: 25, torture: 100 }),
    race: ({ folder }, times) => countInMany(driver, folder.file, { times, many: 2 }),
    crowd: async ({ folder }, times) => {
      await countInMany(driver, folder.file, { times, many: 4 })
      return 4
    },
    killDuring: async ({ folder }, work) => {
      await (work === 'open' ? killWhileOpening : killWhileScrubbing)(driver, folder.file)
    },
    fill: async ({ flaky }) => limitPages(flaky),
    readOnly: async ({ readOnly }) => readOnly(),
    remove: async ({ folder }) => folder.remove(),
    heap: async () => heldBytes(),
    jump: async (_, ms) => {
      vi.setSystemTime(Date.now() + ms)
    },
    durability: 'power-loss',
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
    readOnly: () => {
      const opened = driver.connectReadOnly(folder.file)
      connections.push(opened)
      return sqliteStore(opened)
    },
    dispose: async () => {
      vi.useRealTimers()
      for (const opened of connections) opened.close()
      folder.remove()
    },
  }
}

/** A megabyte more than there is. */
function limitPages(client: FlakyClient): () => Promise<void> {
  const [pages, size] = [numberOf(client, 'page_count'), numberOf(client, 'page_size')]
  const before = numberOf(client, 'max_page_count')
  client.exec(`PRAGMA max_page_count = ${pages + Math.ceil(1_048_576 / size)}`)
  return async () => {
    client.exec(`PRAGMA max_page_count = ${before}`)
  }
}

function numberOf(client: FlakyClient, pragma: string): number {
  const row = client.prepare(`PRAGMA ${pragma}`).get()
  return Number(Object.values(row as object)[0])
}

let collectGarbage: (() => void) | undefined

function heldBytes(): number {
  setFlagsFromString('--expose-gc')
  collectGarbage ??= runInNewContext('gc') as () => void
  collectGarbage()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
