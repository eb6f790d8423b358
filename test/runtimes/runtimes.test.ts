import { rmSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { requireFreshBuild } from '../support/fresh-build.ts'
import { RUNTIMES, SQLITE_RUNTIMES } from '../support/runtimes/launch.ts'
import { setUpWorkbench, type Workbench } from '../support/runtimes/workbench.ts'

interface Report {
  /** How often the story checked something. */
  readonly checks: number
  readonly rows: readonly Row[]
}

interface Row {
  readonly name: string
  /** Whether it must be accepted. */
  readonly good: boolean
  readonly verdict: string
}

const SLOW = 60_000
const HERE = 'Node 24'
const OTHERS = Object.keys(RUNTIMES).filter((name) => name !== HERE)

describe('the built package', () => {
  let bench: Workbench
  let here: Report

  beforeAll(async () => {
    requireFreshBuild()
    bench = await setUpWorkbench()
    here = await reportOf(HERE)
  }, SLOW)

  afterAll(() => remove(bench))

  async function reportOf(name: string): Promise<Report> {
    return JSON.parse((await RUNTIMES[name]?.(bench)) ?? 'null')
  }

  test('accepts good evidence and refuses what is spoiled', () => {
    const { checks, rows } = here
    expect(checks).toBeGreaterThan(0)
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length)
    expect(rows.filter(({ good }) => good).length).toBeGreaterThan(80)
    expect(rows.filter(({ good }) => !good).length).toBeGreaterThan(400)
    expect(rows.filter(({ good, verdict }) => good !== (verdict === 'ok'))).toEqual([])
    expect(rows.filter(({ verdict }) => verdict === 'threw')).toEqual([])
  })

  test.for(OTHERS)('gives the same verdicts in %s', { timeout: SLOW }, async (name) => {
    expect(await reportOf(name)).toEqual(here)
  })

  test.for(Object.entries(SQLITE_RUNTIMES))(
    'keeps the store contract with the SQLite of %s',
    { timeout: SLOW },
    async ([_, launch]) => {
      const { passed, failures } = JSON.parse(await launch(bench))
      expect(failures).toEqual([])
      expect(passed).toBeGreaterThan(40)
    },
  )
})

function remove(bench: Workbench | undefined): void {
  if (bench !== undefined) rmSync(bench.consumer.root, { recursive: true, force: true })
}
