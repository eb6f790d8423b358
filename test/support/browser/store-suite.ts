import type { Page } from 'playwright'
import { afterAll, beforeAll, test } from 'vitest'
import { type Place, registerCases } from './suite-cases.ts'
import { openStoreTabs, type StoreTabs } from './store-tabs.ts'

const SLOW = 120_000
/** Bytes of the whole origin; the browser compresses what the suite fills it with. */
const LITTLE = 3_000_000

/** The suite in a window or in a worker; every case is a test of its own. */
export function browserSuite(where: 'window' | 'worker'): void {
  const open = opening()
  for (const title of titlesIn(where)) {
    test(title, { timeout: SLOW }, async () => run(await open((tabs) => tabs.tab()), title, where))
  }
}

/** What only a window without room can prove. */
export function fullSuite(): void {
  const open = opening()
  const proven = new Set(titlesIn('worker'))
  for (const title of titlesIn('full window').filter((name) => !proven.has(name))) {
    test(title, { timeout: SLOW }, async () => {
      await run(await open((tabs) => tabs.tabWith(LITTLE)), title, 'full window')
    })
  }
}

/** One browser and one page for all tests of a file. */
function opening(): (make: (tabs: StoreTabs) => Promise<Page>) => Promise<Page> {
  let tabs: StoreTabs | undefined
  let page: Promise<Page> | undefined
  beforeAll(async () => {
    tabs = await openStoreTabs()
  }, SLOW)
  afterAll(() => tabs?.close())
  return (make) => {
    if (tabs === undefined) throw new TypeError('there is no browser')
    page ??= make(tabs)
    return page
  }
}

export function titlesIn(where: Place): readonly string[] {
  const titles: string[] = []
  registerCases((title) => titles.push(title), { where, ask: async () => 0 })
  return titles
}

function run(page: Page, title: string, where: Place): Promise<void> {
  return page.evaluate(([name, place]) => globalThis.storePage.runCase(name, place), [
    title,
    where,
  ] as const)
}
