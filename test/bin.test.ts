import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import manifest from '../package.json' with { type: 'json' }
import { requireFreshBuild } from './support/fresh-build.ts'
import { PROJECT_ROOT } from './support/project-files.ts'

const SLOW = { timeout: 60_000 }

interface Ended {
  readonly code: unknown
  readonly lines: readonly string[]
  readonly complaints: readonly string[]
}

/** Runs the command of the package as a child process. */
function privity(...args: readonly string[]): Promise<Ended> {
  const { NODE_OPTIONS: _, ...env } = process.env
  const file = join(PROJECT_ROOT, manifest.bin.privity)
  return new Promise((resolve) => {
    execFile(process.execPath, [file, ...args], { cwd: PROJECT_ROOT, env }, (error, out, err) => {
      const [lines, complaints] = [out, err].map((text) =>
        text.split('\n').filter((it) => it !== ''),
      )
      resolve({ code: error?.code ?? 0, lines: lines ?? [], complaints: complaints ?? [] })
    })
  })
}

function explain(fixture: string, ...flags: readonly string[]): Promise<Ended> {
  return privity('explain', `test/fixtures/bin/${fixture}.mjs`, ...flags)
}

describe('privity explain', () => {
  beforeAll(requireFreshBuild)

  test('prints every finding, and is content without an error', SLOW, async () => {
    const { code, lines, complaints } = await explain('sound')
    expect([code, complaints]).toEqual([0, []])
    expect(lines.map((line) => line.split(':')[0])).toEqual([
      'info lookup order.amount',
      'info floor order.amount, AWR art. 52(4)',
      '2 findings, 0 errors, 0 warnings',
    ])
  })

  test('fails where a policy contradicts itself', SLOW, async () => {
    const { code, lines } = await explain('contradicting')
    expect(code).toBe(1)
    expect(lines.map((line) => line.split(':')[0])).toEqual([
      'warning no_maximum order.town',
      'error end_never order.town',
      '2 findings, 1 errors, 1 warnings',
    ])
  })

  test('prints whom data is about, and what is over today', SLOW, async () => {
    const { code, lines } = await explain('referring')
    expect(code).toBe(0)
    expect(lines.map((line) => line.split(':')[0])).toEqual([
      'warning other_person contact.partnerName',
      'info waived contact.brandPartner, 2020-01-01',
      'warning review_overdue contact.brandPartner, 2020-01-01',
      'info shared home, refcount',
      'info owned line.orderId, order, delete',
      'info outside mailing, mailing-list',
      'info waived logs, 2999-12-31',
      '7 findings, 0 errors, 2 warnings',
    ])
    expect(lines[1]).toMatch(/ \(the name of a brand\)$/)
  })

  test('fails at a warning where that is asked for', SLOW, async () => {
    expect((await explain('referring', '--strict')).code).toBe(1)
    expect((await explain('contradicting', '--strict')).code).toBe(1)
    expect((await explain('sound', '--strict')).code).toBe(0)
  })

  test('says why there is no policy to look at', SLOW, async () => {
    const refused = await explain('refused')
    expect([refused.code, refused.lines]).toEqual([2, []])
    expect(refused.complaints.at(-1)).toBe('  sales.description: too_small')
    const nothing = await explain('nothing')
    expect([nothing.code, nothing.complaints]).toEqual([
      2,
      [
        'test/fixtures/bin/nothing.mjs exports no policy: neither as default nor under the name "policy"',
      ],
    ])
    expect((await explain('missing')).code).toBe(2)
  })

  test('says how it is called', SLOW, async () => {
    for (const args of [
      [],
      ['explain'],
      ['erase', 'x'],
      ['explain', 'x', 'y'],
      ['explain', '--strict'],
    ]) {
      const { code, complaints } = await privity(...args)
      expect([code, complaints[0]]).toEqual([2, 'privity explain <module> [--strict]'])
    }
  })
})
