import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { ERROR_TABLE } from '../src/base/errors.ts'
import { compileSnippets } from './support/docs/compile.ts'
import { runExample } from './support/docs/run-example.ts'
import { extractExamples, extractFences } from './support/docs/snippets.ts'
import { requireFreshBuild } from './support/fresh-build.ts'
import { PROJECT_ROOT, readProject } from './support/project-files.ts'

const FIXTURES = 'test/fixtures/docs'
const SLOW = { timeout: 120_000 }

describe('snippets', () => {
  const markdown = [...readProject(['README.md', 'docs', 'examples'], /\.md$/)]
  const sources = [...readProject(['src'], /\.ts$/)]
  const extracted = [
    ...markdown.map(([path, text]) => extractFences(path, text)),
    ...sources.map(([path, text]) => extractExamples(path, text)),
  ]

  test('are all marked in the one way that is checked', () => {
    expect(extracted.flatMap(({ faults }) => faults)).toEqual([])
  })

  test('of README, docs and @example compile against the package', SLOW, () => {
    const snippets = extracted.flatMap(({ snippets }) => snippets)
    expect(snippets.length).toBeGreaterThan(0)
    expect(compileSnippets(snippets)).toEqual([])
  })

  test('that do not compile are reported with their line', SLOW, () => {
    const path = `${FIXTURES}/broken.md`
    const { snippets, faults } = extractFences(path, readFixture('broken.md'))
    expect(placesIn(path, compileSnippets(snippets))).toEqual([13, 17, 21])
    expect(faults).toEqual([`${path}:20 ts no-check: say ts`, `${path}:24 js: say ts`])
  })

  test('in a doc comment reach the exports of their file', SLOW, () => {
    const comment = [
      'export const nothing = 0',
      '/**',
      ' * Fails.',
      ' *',
      ' * @param code which one',
      ' * @example',
      ' * ```ts',
      ' * const id: number = randomId()',
      ' * ```',
      ' * @example outside a block',
      ' */',
    ].join('\n')
    const path = 'src/base/id.ts'
    const { snippets, faults } = extractExamples(path, comment)
    expect(placesIn(path, compileSnippets(snippets))).toEqual([8])
    expect(faults).toEqual([`${path}:10 @example without a ts block`])
  })
})

describe('docs/errors.md', () => {
  test('states the retry rule and the status of every code', () => {
    const text = readProject(['docs/errors.md'], /./).get('docs/errors.md') ?? ''
    const stated = [...text.matchAll(/^## `(\w+)`\n\nRetry: (yes|no) · HTTP status: (\d+)$/gm)]
    const expected = Object.entries(ERROR_TABLE).map(([code, { retryable, status }]) => [
      code,
      retryable ? 'yes' : 'no',
      `${status}`,
    ])
    expect(stated.map(([, ...facts]) => facts)).toEqual(expected)
  })

  test('explains every code of an issue that the sources give, and no other', () => {
    const text = readProject(['docs/errors.md'], /./).get('docs/errors.md') ?? ''
    const section = /### Codes of issues\n(.*?)\n## /s.exec(text)?.[1] ?? ''
    const explained = new Set(
      section
        .split('\n')
        .map((line) => (line.startsWith('|') ? line.slice(0, line.indexOf(' | ')) : line))
        .flatMap((line) => [...line.matchAll(/`([a-z_]+)`/g)].map(([, code = '']) => code)),
    )
    const sources = [...readProject(['src'], /\.ts$/).values()]
    const given = sources.flatMap((source) =>
      [...source.matchAll(/(?:invalidInput|\.add)\(([^;{}]*?)\)\n/g)].flatMap(([, args = '']) =>
        // Without the path, a list of steps, what is left in quotes is the code.
        [...args.replace(/\[[^\]]*\]/g, '').matchAll(/'([a-z_]+)'/g)].map(([, code = '']) => code),
      ),
    )
    expect(given.length).toBeGreaterThan(150)
    expect(given.filter((code) => !explained.has(code))).toEqual([])
    const isCode = (code: string): boolean => sources.some((source) => source.includes(`'${code}'`))
    const isZod = (code: string): boolean =>
      sources.some((source) => source.includes(`${code}: true`))
    expect([...explained].filter((code) => !isCode(code) && !isZod(code))).toEqual([])
  })
})

describe('examples', () => {
  const examples = [...readProject(['examples'], /^examples\/([^/]+|[^/]+\/main)\.ts$/)]

  beforeAll(requireFreshBuild)

  test('exist', () => {
    expect(examples.length).toBeGreaterThan(0)
  })

  test.for(examples)('%s runs and prints what it says', SLOW, async ([path, source]) => {
    expect(await runExample(join(PROJECT_ROOT, path), source)).toEqual([])
  })
})

describe('the check of examples', () => {
  const findings = (name: string): Promise<readonly string[]> =>
    runExample(join(PROJECT_ROOT, FIXTURES, name), readFixture(name))

  test('accepts one that prints what it says', async () => {
    expect(await findings('prints.ts')).toEqual([])
  })

  test('reports one that throws', async () => {
    expect(await findings('throws.ts')).toEqual([
      expect.stringMatching(/throws\.ts ended with 1: [\s\S]*the example is broken/),
    ])
  })

  test('reports one that prints something else, or in another order', async () => {
    expect(await findings('silent.ts')).toEqual([expect.stringContaining("'second' in its place")])
  })

  test('reports one that says nowhere what it prints', async () => {
    expect(await findings('unstated.ts')).toEqual([expect.stringContaining('says nowhere')])
  })
})

/** Lines of the file that findings name. */
function placesIn(path: string, findings: readonly string[]): readonly number[] {
  const own = findings.filter((finding) => finding.startsWith(`${path}:`))
  return own.map((finding) => Number.parseInt(finding.slice(path.length + 1), 10))
}

function readFixture(name: string): string {
  return readProject([`${FIXTURES}/${name}`], /./).get(`${FIXTURES}/${name}`) ?? ''
}
