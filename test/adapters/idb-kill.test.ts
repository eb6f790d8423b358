import type { Page } from 'playwright'
import { afterAll, beforeAll, test } from 'vitest'
import type { Store } from 'privity/idb'
import { type OpenedStore, storeSuite } from 'privity/testkit'
import { remoteStore } from '../support/browser/remote-store.ts'
import { titlesIn } from '../support/browser/store-suite.ts'
import { openStoreTabs, type StoreTabs } from '../support/browser/store-tabs.ts'
import { scaled } from '../support/scale.ts'

interface Named extends OpenedStore {
  readonly name: string
  readonly store: Store
}

const SLOW = 120_000
const RUNS = scaled({ ci: 1, torture: 3 })
/** Of the tab that appends; the two cases in which it opens kill the browser ten times each. */
const KILLS = scaled({ ci: 30, torture: 150 })

let tabs: StoreTabs
let page: Page

beforeAll(async () => {
  tabs = await openStoreTabs()
  page = await tabs.tab()
}, SLOW)

afterAll(() => tabs.close())

const inPages = new Set(titlesIn('window'))

storeSuite<Named>({
  test: (title, run) => {
    if (!inPages.has(title) && !title.startsWith('not proven')) testRepeatedly(title, run)
  },
  open: async () => {
    const name = `killed-${crypto.randomUUID()}`
    return { name, store: remoteStore(() => page, name), dispose: async () => undefined }
  },
  kills: KILLS,
  kill: async ({ name }) => {
    const acknowledged = await tabs.killWhileAppending(name)
    page = await tabs.tab()
    return acknowledged
  },
  // There is no scrub: the browser is killed while it opens the database, in both cases.
  killDuring: async ({ name, store }, work) => {
    await tabs.killWhileOpening(name)
    page = await tabs.tab()
    if (work === 'scrub') await store.open()
  },
  restart: async ({ store }) => {
    await tabs.kill()
    page = await tabs.tab()
    await store.open()
  },
})

function testRepeatedly(title: string, run: () => Promise<void>): void {
  test(title, { timeout: SLOW * RUNS }, async () => {
    for (let turn = 0; turn < RUNS; turn += 1) await run()
  })
}
