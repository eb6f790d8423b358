import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { webCryptoKeys } from 'privity'
import { registerKeyCases } from '../support/browser/keys-cases.ts'
import type { KeysCall, KeysOutcome } from '../support/browser/keys-page.ts'
import { openProfile, type Profile } from '../support/browser/profile.ts'
import { openSite, type Site } from '../support/browser/site.ts'

type Page = Awaited<ReturnType<Profile['tab']>>

const SLOW = 120_000
const KEY = Array.from({ length: 32 }, (_, at) => at)
const PROGRAMS = ['test/support/browser/keys-page.ts', 'test/support/browser/keys-worker.ts']

let site: Site
let profile: Profile
let page: Page
let names = 0

beforeAll(async () => {
  site = await openSite(PROGRAMS)
  profile = await openProfile()
  page = await tab()
}, SLOW)

afterAll(async () => {
  await profile.close()
  site.close()
})

function tab(): Promise<Page> {
  return profile.tab(`${site.origin}/keys-page`)
}

function newName(): string {
  names += 1
  return `keys-${names}`
}

function call(call: KeysCall, where: Page = page): Promise<KeysOutcome> {
  return where.evaluate((it) => globalThis.keysPage.call(it), call)
}

async function wrapped(name: string, where: Page = page): Promise<readonly number[]> {
  const outcome = await call({ name, verb: 'wrap', bytes: KEY }, where)
  if ('error' in outcome) throw new TypeError(outcome.error.code)
  return outcome.value as readonly number[]
}

const WHERE = ['window', 'worker'] as const
describe.for(WHERE)('the suite of key providers, over keys of a browser, in a %s:', (where) => {
  const titles: string[] = []
  registerKeyCases((title) => titles.push(title))
  test.for(titles)('%s', { timeout: SLOW }, async (title) => {
    await page.evaluate(([name, place]) => globalThis.keysPage.runCase(name, place), [
      title,
      where,
    ] as const)
  })
})

describe('keys of a browser', () => {
  test('give their bytes to no script, and a destroyed one is not there', async () => {
    const name = newName()
    await wrapped(name)
    await call({ name, verb: 'rotate' })
    await call({ name, verb: 'destroy', epoch: 1 })
    expect(await page.evaluate((it) => globalThis.keysPage.steal(it), name)).toEqual([
      'none',
      'rejected,rejected',
    ])
  })

  test('are shared by tabs, which rotate at once and get an epoch each', {
    timeout: SLOW,
  }, async () => {
    const name = newName()
    const bytes = await wrapped(name)
    const tabs = await Promise.all([tab(), tab()])
    const made = await Promise.all(
      tabs.map((one) => one.evaluate((it) => globalThis.keysPage.rotate(it, 10), name)),
    )
    expect(made.flat().toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 20 }, (_, at) => at + 2),
    )
    for (const one of [...tabs, page]) {
      expect(await call({ name, verb: 'currentEpoch' }, one)).toEqual({ value: 21 })
      expect(await call({ name, verb: 'unwrap', bytes }, one)).toEqual({ value: KEY })
    }
    await call({ name, verb: 'destroy', epoch: 1 }, tabs[0])
    expect(await call({ name, verb: 'unwrap', bytes }, tabs[1])).toEqual({
      error: { code: 'key_unreadable', details: { what: 'core' } },
    })
    await Promise.all(tabs.map((one) => one.close()))
  })

  test('of two tabs that begin at once are the same', { timeout: SLOW }, async () => {
    const tabs = await Promise.all([tab(), tab()])
    for (let round = 0; round < 10; round += 1) {
      const name = newName()
      const both = await Promise.all(tabs.map((one) => wrapped(name, one)))
      for (const bytes of both)
        expect(await call({ name, verb: 'unwrap', bytes })).toEqual({ value: KEY })
    }
    await Promise.all(tabs.map((one) => one.close()))
  })

  test('that were deleted while in use are not made again', async () => {
    const name = newName()
    const bytes = await wrapped(name)
    await page.evaluate((it) => void indexedDB.deleteDatabase(it), `privity-keys/${name}`)
    const missing = {
      error: { code: 'key_unavailable', details: { what: 'key_database.missing' } },
    }
    expect(await call({ name, verb: 'unwrap', bytes })).toEqual(missing)
    expect(await call({ name, verb: 'wrap', bytes: KEY })).toEqual(missing)
    expect(await call({ name, verb: 'rotate' })).toEqual(missing)
    const other = await tab()
    expect(await call({ name, verb: 'unwrap', bytes }, other)).toEqual({
      error: { code: 'key_unknown', details: { what: 'core' } },
    })
    await wrapped(name, other)
    const replaced = {
      error: { code: 'key_unavailable', details: { what: 'key_database.replaced' } },
    }
    expect(await call({ name, verb: 'wrap', bytes: KEY })).toEqual(replaced)
    expect(await call({ name, verb: 'unwrap', bytes }, other)).toEqual({
      error: { code: 'key_unreadable', details: { what: 'core' } },
    })
    await other.close()
  })

  test('are waited for while another tab holds up their deletion', async () => {
    const name = newName()
    const bytes = await wrapped(name)
    const other = await tab()
    await other.evaluate((it) => globalThis.keysPage.hold(it), name)
    await page.evaluate(
      (it) =>
        new Promise((resolve) => {
          indexedDB.deleteDatabase(it).onblocked = resolve
        }),
      `privity-keys/${name}`,
    )
    const calling = call({ name, verb: 'unwrap', bytes })
    await other.close()
    expect(await calling).toEqual({
      error: { code: 'key_unavailable', details: { what: 'key_database.missing' } },
    })
  })

  test('do not stand in the way of who deletes their database', async () => {
    const name = newName()
    await wrapped(name)
    const ended = await page.evaluate(
      (it) =>
        new Promise((resolve) => {
          const request = indexedDB.deleteDatabase(it)
          request.onsuccess = () => resolve('deleted')
          request.onblocked = () => resolve('blocked')
        }),
      `privity-keys/${name}`,
    )
    expect(ended).toBe('deleted')
  })

  test('of a newer release, or in a database of something else, are refused', async () => {
    const [newer, foreign] = [newName(), newName()]
    await page.evaluate((it) => globalThis.keysPage.occupy(it, 2), newer)
    await page.evaluate((it) => globalThis.keysPage.occupy(it, 1), foreign)
    expect(await call({ name: newer, verb: 'wrap', bytes: KEY })).toEqual({
      error: { code: 'unsupported_format', details: { what: 'key_database', version: 2 } },
    })
    for (const verb of ['wrap', 'currentEpoch', 'rotate'] as const)
      expect(await call({ name: foreign, verb, bytes: KEY })).toEqual({
        error: { code: 'key_unreadable', details: { what: 'key_database' } },
      })
  })

  test('survive a browser that is killed', { timeout: SLOW }, async () => {
    const name = newName()
    const bytes = await wrapped(name)
    await call({ name, verb: 'rotate' })
    await call({ name, verb: 'rotate' })
    await call({ name, verb: 'destroy', epoch: 2 })
    await profile.kill()
    page = await tab()
    expect(await call({ name, verb: 'unwrap', bytes })).toEqual({ value: KEY })
    expect(await call({ name, verb: 'currentEpoch' })).toEqual({ value: 3 })
    expect(await page.evaluate((it) => globalThis.keysPage.steal(it), name)).toEqual([
      'rejected,rejected',
      'none',
      'rejected,rejected',
    ])
  })
})

describe('web crypto keys', () => {
  const wrong: readonly (readonly [string, unknown])[] = [
    ['nothing', undefined],
    ['no name', {}],
    ['an empty name', { name: '' }],
    ['a name that is too long', { name: 'x'.repeat(257) }],
    ['half a character', { name: '\ud800' }],
    ['another option', { name: 'acme', key: 'x' }],
  ]
  test.for(wrong)('refuse %s', ([, options]) => {
    expect(() => webCryptoKeys(options as { readonly name: string })).toThrowError(
      expect.objectContaining({ code: 'invalid_input' }),
    )
  })

  test('are not supported where there is no IndexedDB', () => {
    expect(() => webCryptoKeys({ name: 'acme' })).toThrowError(
      expect.objectContaining({ code: 'not_supported', details: { what: 'indexedDB' } }),
    )
  })
})
