import { chromium, type Page } from 'playwright'
import { engineAddress } from '../engine-address.ts'
import { allRows, type Place } from '../stores.ts'
import type { ChromiumAddress } from './chromium-engine.ts'
import { remoteStore } from './remote-store.ts'

interface Tab {
  readonly page: Page
  close(): Promise<void>
}

/** One tab for all places of a file: every place is a database of its own. */
let tab: Promise<Tab> | undefined

export async function browserPlace(): Promise<Place> {
  tab ??= openTab()
  const { page } = await tab
  const name = `journey-${crypto.randomUUID()}`
  const store = (): ReturnType<Place['store']> => remoteStore(() => page, name)
  return {
    name: 'IndexedDB',
    store,
    rows: () => allRows(store()),
    files: () => [],
    dispose: () => page.evaluate(forgetIn, name),
  }
}

/** Closes the tab, if there was one. */
export async function leaveBrowser(): Promise<void> {
  if (tab !== undefined) await (await tab).close()
  tab = undefined
}

async function openTab(): Promise<Tab> {
  const { endpoint, page: url } = (await engineAddress('chromium')) as ChromiumAddress
  const browser = await chromium.connectOverCDP(endpoint)
  const context = browser.contexts()[0]
  if (context === undefined) throw new TypeError('the browser has no profile')
  const page = await context.newPage()
  page.on('pageerror', (error) => console.error(error))
  await page.goto(url)
  return {
    page,
    close: async () => {
      await page.close()
      await browser.close()
    },
  }
}

// Runs in the page.
function forgetIn(name: string): Promise<void> {
  return globalThis.storePage.forget(name)
}
