import { afterAll, beforeAll, expect, test } from 'vitest'
import type { App } from '../support/browser/privity-page.ts'
import { openProfile, type Profile } from '../support/browser/profile.ts'
import { openSite, type Site } from '../support/browser/site.ts'

const SLOW = { timeout: 120_000 }
const EACH = 40

let site: Site
let profile: Profile

beforeAll(async () => {
  site = await openSite(['test/support/browser/privity-page.ts'])
  profile = await openProfile()
}, SLOW.timeout)

afterAll(async () => {
  await profile.close()
  site.close()
})

test('a person is registered, asked, read, heard and erased in a browser', SLOW, async () => {
  const app = appNamed('one')
  const first = await tab()
  const id = await first.evaluate((it) => globalThis.privityPage.live(it), app)
  await first.close()
  await profile.kill()
  const later = await tab()
  const code = await later.evaluate(([it, who]) => globalThis.privityPage.remember(it, who), [
    app,
    id,
  ] as const)
  expect(code).toBe('erased')
})

test('two tabs write one log together, and nothing of either is lost', SLOW, async () => {
  const app = appNamed('two')
  const tabs = await Promise.all([tab(), tab()])
  const ids = await Promise.all(
    tabs.map((page) =>
      page.evaluate(([it, count]) => globalThis.privityPage.crowd(it, count), [app, EACH] as const),
    ),
  )
  const all = ids.flat()
  expect(new Set(all).size).toBe(2 * EACH)
  const reader = await tab()
  const names = await reader.evaluate(([it, who]) => globalThis.privityPage.seen(it, who), [
    app,
    all,
  ] as const)
  const expected = Array.from({ length: EACH }, (_, at) => `Person ${at}`)
  expect(names).toEqual([...expected, ...expected])
})

function appNamed(name: string): App {
  return { name, secret: Array.from({ length: 32 }, (_, at) => at) }
}

function tab(): ReturnType<Profile['tab']> {
  return profile.tab(`${site.origin}/privity-page`)
}
