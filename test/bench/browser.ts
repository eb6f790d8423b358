// Measures in a Chromium over a profile on disk: `node test/bench/browser.ts --rounds 9`.
import { parseArgs } from 'node:util'
import { openProfile } from '../support/browser/profile.ts'
import { openSite } from '../support/browser/site.ts'

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '9' } } })
const site = await openSite(['test/bench/browser-page.ts'])
const profile = await openProfile()
try {
  const page = await profile.tab(`${site.origin}/browser-page`)
  const lines = await page.evaluate(
    (rounds) => globalThis.browserBench(rounds),
    Number(values.rounds),
  )
  console.log(
    [`Chromium ${page.context().browser()?.version()}, profile on disk`, '', ...lines].join('\n'),
  )
} finally {
  await profile.close()
  site.close()
}
