import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Store } from 'privity/idb'
import { utf8 } from '../../src/base/bytes.ts'
import { remoteStore } from '../support/browser/remote-store.ts'
import { openStoreTabs, type StoreTabs } from '../support/browser/store-tabs.ts'

const SLOW = { timeout: 60_000 }
const ROW = ['a', utf8('kept')] as const
const NONE = { checks: [], put: [], del: [] }

let tabs: StoreTabs
let here: Page
let there: Page
let name: string
let store: Store
let made = 0

beforeAll(async () => {
  tabs = await openStoreTabs()
  here = await tabs.tab()
  there = await tabs.tab()
}, SLOW.timeout)

afterAll(() => tabs.close())

beforeEach(async () => {
  made += 1
  name = `tabs-${made}`
  store = remoteStore(() => here, name)
  await store.open()
  await store.commit({ ...NONE, put: [ROW] })
})

describe('a database that another tab deletes', SLOW, () => {
  test('is given up at once, and opening the store begins with an empty one', async () => {
    expect(await there.evaluate(deleteDatabase, name)).toBe('deleted')
    await expectClosed('deleted')
    await expectClosed('deleted')
    await store.open()
    expect(await store.read(['a'])).toEqual([undefined])
    await store.commit({ ...NONE, put: [ROW] })
    expect(await store.read(['a'])).toEqual([ROW[1]])
  })

  test('is not taken for the one that was made anew in its place', async () => {
    await there.evaluate(deleteDatabase, name)
    const other = remoteStore(() => there, name)
    await other.open()
    await other.commit({ ...NONE, put: [['b', utf8('new')]] })
    await expectClosed('deleted')
    await store.open()
    expect(await store.read(['a', 'b'])).toEqual([undefined, utf8('new')])
  })

  test('answers what was under way first', async () => {
    const commits = Array.from({ length: 20 }, (_, at) =>
      store.commit({ ...NONE, put: [[`k${at}`, utf8('under way')]] }),
    )
    const [, ...outcomes] = await Promise.allSettled([
      there.evaluate(deleteDatabase, name),
      ...commits,
    ])
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason.code).toBe('store_closed')
    }
    await expectClosed('deleted')
  })
})

describe('a database that the browser takes away', SLOW, () => {
  test('is missed by the next call, and not made anew by it', async () => {
    await clearSiteData()
    await expectClosed('deleted')
    await store.open()
    expect(await store.read(['a'])).toEqual([undefined])
  })

  test('is not taken for one that another tab makes before the next call', async () => {
    await clearSiteData()
    const other = remoteStore(() => there, name)
    await other.open()
    await expectClosed('deleted')
    await expectClosed('deleted')
  })

  test('leaves no call under way without an answer', async () => {
    const codes = new Set<unknown>()
    for (let turn = 1; turn <= 10; turn += 1) {
      await store.close()
      await store.open()
      const commits = Array.from({ length: 5 * turn }, (_, at) =>
        store.commit({ ...NONE, put: [[`k${at}`, utf8('under way')]] }),
      )
      const [, ...outcomes] = await Promise.allSettled([clearSiteData(), ...commits])
      for (const outcome of outcomes) {
        codes.add(outcome.status === 'rejected' ? outcome.reason.code : 'done')
      }
    }
    const expected = ['done', 'store_closed', 'store_unavailable', 'outcome_unknown']
    expect(expected).toEqual(expect.arrayContaining([...codes]))
  })

  test('is found again if only the connection was lost, whether or not the browser told', async () => {
    await here.evaluate(() => globalThis.storePage.endTold())
    expect(await store.read(['a'])).toEqual([ROW[1]])
    await here.evaluate(() => globalThis.storePage.endSilently())
    await store.commit({ checks: [ROW], put: [['a', utf8('next')]], del: [] })
    await here.evaluate(() => globalThis.storePage.endSilently())
    expect(await store.scan('', { limit: 10 })).toEqual([['a', utf8('next')]])
  })
})

describe('a database that is not of this release', SLOW, () => {
  test('lets a newer one go ahead, and is left alone then', async () => {
    expect(await there.evaluate(upgradeDatabase, name)).toBe('upgraded')
    const newer = { code: 'store_unavailable', details: { reason: 'newer_version' } }
    await expect(store.read(['a'])).rejects.toMatchObject(newer)
    await expect(store.commit({ ...NONE, put: [ROW] })).rejects.toMatchObject(newer)
    await store.close()
    await expect(store.open()).rejects.toMatchObject(newer)
  })

  test('is refused if it is the app’s own', async () => {
    await here.evaluate(makeForeign, `${name}-foreign`)
    const foreign = remoteStore(() => here, `${name}-foreign`)
    const schema = { code: 'store_corrupt', details: { reason: 'schema' } }
    await expect(foreign.open()).rejects.toMatchObject(schema)
    await expect(foreign.open()).rejects.toMatchObject(schema)
  })

  test('is refused where a row holds what the store does not write', async () => {
    await here.evaluate(putText, name)
    const schema = { code: 'store_corrupt', details: { reason: 'schema' } }
    await expect(store.read(['text'])).rejects.toMatchObject(schema)
    await expect(store.scan('', { limit: 10 })).rejects.toMatchObject(schema)
    const change = { checks: [['text', utf8('x')]] as const, put: [], del: ['text'] }
    await expect(store.commit(change)).rejects.toMatchObject(schema)
    expect(await store.read(['a'])).toEqual([ROW[1]])
  })
})

describe('what the store reports', SLOW, () => {
  test('is the durability that the browser reports, and that it may evict', async () => {
    expect(await store.open()).toEqual({
      durability: 'power-loss',
      shared: true,
      detail: 'IndexedDB, durability strict, storage best-effort',
    })
  })

  test('is what came of asking not to evict', async () => {
    const asking = remoteStore(() => here, name, { persist: true })
    expect((await asking.open()).detail).toMatch(
      /^IndexedDB, durability strict, storage (best-effort, persist refused|persistent, persist granted)$/,
    )
  })

  test('is asked of every write, and of no read', async () => {
    await here.evaluate(() => globalThis.storePage.takeDurabilities())
    await store.commit({ ...NONE, put: [ROW] })
    await store.commit({ checks: [ROW], put: [], del: ['a'] })
    await store.read(['a'])
    await store.close()
    await store.open()
    const seen = await here.evaluate(() => globalThis.storePage.takeDurabilities())
    expect([...seen].sort()).toEqual(['readonly default', 'readwrite strict'])
  })
})

test(
  'a value that was removed is still in files of the browser, as the documentation says',
  SLOW,
  async () => {
    const mark = crypto.getRandomValues(new Uint8Array(48))
    await store.commit({ ...NONE, put: [['marked', mark]] })
    await store.commit({ ...NONE, put: [['marked', utf8('replaced')]] })
    await store.commit({ ...NONE, del: ['marked'] })
    expect(await store.read(['marked'])).toEqual([undefined])
    const files = filesBelow(join(tabs.folder, 'Default', 'IndexedDB'))
    expect(files.some((file) => readFileSync(file).includes(Buffer.from(mark)))).toBe(true)
    expect(store.scrub).toBeUndefined()
  },
)

test('a tab that is closed in the middle of its work holds up nobody', SLOW, async () => {
  const doomed = await tabs.tab()
  const working = doomed.evaluate((id) => globalThis.storePage.append(id), name)
  await expect.poll(() => store.read(['appended'])).not.toEqual([undefined])
  await Promise.all([doomed.close(), working.catch(() => undefined)])
  const [last] = await store.read(['appended'])
  await store.commit({ checks: [['appended', last ?? null]], put: [ROW], del: ['appended'] })
})

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

async function expectClosed(reason: string): Promise<void> {
  const closed = { code: 'store_closed', details: { reason } }
  await expect(store.read(['a'])).rejects.toMatchObject(closed)
  await expect(store.commit({ ...NONE, put: [ROW] })).rejects.toMatchObject(closed)
}

async function clearSiteData(): Promise<void> {
  const session = await here.context().newCDPSession(here)
  const { origin } = tabs.site
  await session.send('Storage.clearDataForOrigin', { origin, storageTypes: 'indexeddb' })
  await session.detach()
}

// These run in a page, and know nothing of this file.

function deleteDatabase(id: string): Promise<string> {
  return new Promise((resolve) => {
    const request = indexedDB.deleteDatabase(id)
    request.onsuccess = () => resolve('deleted')
    request.onblocked = () => resolve('blocked')
  })
}

function upgradeDatabase(id: string): Promise<string> {
  return new Promise((resolve) => {
    const request = indexedDB.open(id, 2)
    request.onsuccess = () => {
      request.result.close()
      resolve('upgraded')
    }
    request.onblocked = () => resolve('blocked')
  })
}

function makeForeign(id: string): Promise<void> {
  return new Promise((resolve) => {
    const request = indexedDB.open(id, 1)
    request.onupgradeneeded = () => request.result.createObjectStore('customers')
    request.onsuccess = () => {
      request.result.close()
      resolve()
    }
  })
}

function putText(id: string): Promise<void> {
  return new Promise((resolve) => {
    const request = indexedDB.open(id, 1)
    request.onsuccess = () => {
      const transaction = request.result.transaction('privity_rows', 'readwrite')
      transaction.objectStore('privity_rows').put('text', 'text')
      transaction.oncomplete = () => {
        request.result.close()
        resolve()
      }
    }
  })
}
