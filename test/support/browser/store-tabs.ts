import type { CDPSession, Page } from 'playwright'
import { openProfile, type Profile } from './profile.ts'
import { openSite, type Site } from './site.ts'
import type { Favour } from './suite-cases.ts'

/** A browser whose tabs run `store-page.ts`. */
export interface StoreTabs extends Omit<Profile, 'tab'> {
  readonly site: Site
  tab(): Promise<Page>
  /** A new tab whose origin has so many bytes for everything; a database that is open may have more. */
  tabWith(bytes: number): Promise<Page>
  /** Lets a tab open the database, and kills the browser meanwhile. */
  killWhileOpening(name: string): Promise<void>
  /** Lets a tab append to the database, kills its process, and says what was acknowledged last. */
  killWhileAppending(name: string): Promise<number>
}

const PROGRAMS = ['test/support/browser/store-page.ts', 'test/support/browser/suite-worker.ts']

let killed = 0

export async function openStoreTabs(): Promise<StoreTabs> {
  const site = await openSite(PROGRAMS)
  let acknowledged = (_: number): void => undefined
  const profile = await openProfile({
    serve: (page, favour) => serve(page, favour as Favour, tab),
    acknowledge: (_, entry) => acknowledged(Number(entry)),
  })

  function tab(): Promise<Page> {
    return profile.tab(`${site.origin}/store-page`)
  }

  async function killWhileAppending(name: string): Promise<number> {
    const page = await tab()
    // Another place in the work each time, and the same ones in every run.
    const enough = 1 + ((killed * 17) % 48)
    killed += 1
    const entries: number[] = []
    const reached = new Promise<void>((resolve) => {
      acknowledged = (entry) => {
        if (entries.push(entry) === enough) resolve()
      }
    })
    // Appending ends only if it fails.
    await Promise.race([reached, page.evaluate(appendIn, name)])
    await profile.killTabs()
    return entries.at(-1) ?? Number.NaN
  }

  async function killWhileOpening(name: string): Promise<void> {
    const page = await tab()
    // What is begun here ends with the browser.
    await profile.kill(() => void page.evaluate(countIn, { name, times: 1 }).catch(() => undefined))
  }

  return {
    ...profile,
    site,
    tab,
    tabWith: async (bytes) => {
      const page = await tab()
      const session = await page.context().newCDPSession(page)
      await session.send('Storage.overrideQuotaForOrigin', {
        origin: site.origin,
        quotaSize: bytes,
      })
      return page
    },
    killWhileOpening,
    killWhileAppending,
    close: async () => {
      await profile.close()
      site.close()
    },
  }
}

type Tab = () => Promise<Page>

/** Does a page the favour that it asks. */
async function serve(asker: Page, favour: Favour, tab: Tab): Promise<number> {
  if (favour.kind === 'count') return countInTabs(tab, favour)
  const session = await asker.context().newCDPSession(asker)
  if (favour.kind === 'heap') return heapOf(session)
  const { origin } = new URL(asker.url())
  await session.send('Storage.overrideQuotaForOrigin', { origin })
  return 0
}

async function countInTabs(tab: Tab, counting: Counting): Promise<number> {
  const tabs = await Promise.all([tab(), tab()])
  await Promise.all(tabs.map((page) => page.evaluate(countIn, counting)))
  await Promise.all(tabs.map((page) => page.close()))
  return tabs.length
}

async function heapOf(session: CDPSession): Promise<number> {
  await session.send('HeapProfiler.collectGarbage')
  const { usedSize, backingStorageSize } = await session.send('Runtime.getHeapUsage')
  return usedSize + backingStorageSize
}

interface Counting {
  readonly name: string
  readonly times: number
}

// These run in a page.
function appendIn(name: string): Promise<void> {
  return globalThis.storePage.append(name)
}

function countIn({ name, times }: Counting): Promise<void> {
  return globalThis.storePage.count(name, times)
}
