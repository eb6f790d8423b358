import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type BrowserContext, chromium, type Page } from 'playwright'
import { chromiumLaunch } from '../chromium.ts'

const POLL_MS = 10

/** A Chromium with a profile on disk, as people have it: without one it keeps IndexedDB in memory. */
export interface Profile {
  /** Where the browser keeps its files. */
  readonly folder: string
  /** A new tab. */
  tab(url: string): Promise<Page>
  /**
   * Ends the browser without warning, right after what is given was begun, and starts another one
   * over the same files.
   */
  kill(during?: () => void): Promise<void>
  /** Ends the processes of all tabs without warning, and the tabs with them; the browser goes on. */
  killTabs(): Promise<void>
  close(): Promise<void>
}

/** Functions of the test that pages may call by name, with one argument; each is told who calls. */
export interface Bindings {
  readonly [name: string]: (page: Page, argument: unknown) => unknown
}

export async function openProfile(bindings: Bindings = {}): Promise<Profile> {
  const folder = mkdtempSync(join(tmpdir(), 'privity-profile-'))
  let context = await launch(folder, bindings)
  return {
    folder,
    tab: (url) => openTab(context, url),
    killTabs: async () => {
      const crashes = context.pages().map((page) => page.waitForEvent('crash'))
      for (const { id } of await processesOf(context, 'renderer')) process.kill(id, 'SIGKILL')
      await Promise.all(crashes)
      await Promise.all(context.pages().map((page) => page.close()))
    },
    kill: async (during) => {
      const ended = new Promise((resolve) => {
        context.once('close', resolve)
      })
      const running = await processOf(context)
      during?.()
      process.kill(running, 'SIGKILL')
      await ended
      await gone(running)
      context = await launch(folder, bindings)
    },
    close: async () => {
      await context.close()
      rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
    },
  }
}

async function launch(folder: string, bindings: Bindings): Promise<BrowserContext> {
  const context = await chromium.launchPersistentContext(folder, chromiumLaunch())
  for (const [name, run] of Object.entries(bindings)) {
    await context.exposeBinding(name, ({ page }, argument: unknown) => run(page, argument))
  }
  return context
}

async function openTab(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage()
  // What a page throws outside of any call would else be lost.
  page.on('pageerror', (error) => console.error(error))
  await page.goto(url)
  return page
}

/**
 * Waits for the processes of a browser to be gone, whose pipe closes before. One that starts over the same files
 * meanwhile finds the register of origins locked, and makes a new one: nothing that an origin had is then there.
 */
async function gone(browser: number): Promise<void> {
  // On Windows there are no groups.
  const group = process.platform === 'win32' ? browser : -browser
  while (isRunning(group)) await setTimeout(POLL_MS)
}

function isRunning(processes: number): boolean {
  try {
    return process.kill(processes, 0)
  } catch {
    return false
  }
}

async function processOf(context: BrowserContext): Promise<number> {
  const [main] = await processesOf(context, 'browser')
  if (main === undefined) throw new TypeError('the browser has no process')
  return main.id
}

async function processesOf(
  context: BrowserContext,
  kind: 'browser' | 'renderer',
): Promise<readonly { readonly id: number }[]> {
  const session = await context.browser()?.newBrowserCDPSession()
  const { processInfo = [] } = (await session?.send('SystemInfo.getProcessInfo')) ?? {}
  return processInfo.filter(({ type }) => type === kind)
}
