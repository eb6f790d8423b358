import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { formatViolation, parseUnits, RULES, type Violation } from './support/architecture/model.ts'
import { measure, TARGETS } from './support/architecture/metrics.ts'
import { parseFixture } from './support/architecture-fixture.ts'
import { checkSource } from './support/architecture-rules.ts'
import { readProject } from './support/project-files.ts'

const PROJECT = ['src', 'test', 'docs', 'examples', 'README.md', 'CHANGELOG.md']

describe('the project', () => {
  const files = readProject(PROJECT, /\.(ts|md)$/)

  test('keeps every rule of the house', { timeout: 60_000 }, () => {
    expect(checkSource(files).map(formatViolation)).toEqual([])
  })

  test('has sources to measure', () => {
    const metrics = measure(parseUnits(files))
    console.info('src:', metrics, 'targets:', TARGETS)
    expect(metrics.files).toBeGreaterThan(0)
  })
})

describe('the rules', () => {
  const fixtures = [...readProject([join('test', 'fixtures', 'architecture')], /\.txt$/)].map(
    ([path, text]) => [path, parseFixture(text)] as const,
  )

  test.for(fixtures)('find in %s what it says, and nothing else', ([, fixture]) => {
    const found = checkSource(fixture.files).map(place)
    expect(found.toSorted()).toEqual([...fixture.expected].sort())
  })

  test('are all proved by a fixture', () => {
    const proved = fixtures.flatMap(([, fixture]) => fixture.expected)
    const unproved = RULES.filter((rule) => !proved.some((line) => line.startsWith(`${rule} `)))
    expect(unproved).toEqual([])
  })

  test('accept a reserved error code only while nothing throws it', () => {
    const errors = 'export interface ErrorDetails { readonly later: object; readonly now: object }'
    const thrower = "throw new PrivityError('now')"
    const files = new Map([
      ['src/base/errors.ts', errors],
      ['src/base/time.ts', thrower],
      ['docs/errors.md', '## `later`\n## `now`'],
      ['test/base/time.test.ts', "expect(code).toBe('now')"],
    ])
    const reason = 'its module comes later'
    expect(checkSource(files, { later: reason })).toEqual([])
    expect(checkSource(files, { later: reason, now: reason }).map(({ detail }) => detail)).toEqual([
      'now is reserved, but thrown or unknown',
    ])
  })
})

function place({ rule, path, line }: Violation): string {
  return line === undefined ? `${rule} ${path}` : `${rule} ${path}:${line}`
}
