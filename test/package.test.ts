import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import manifest from '../package.json' with { type: 'json' }
import tsupConfig from '../tsup.config.ts'
import { requireFreshBuild } from './support/fresh-build.ts'
import { type BundleRule, bundleFaults } from './support/package/bundle.ts'
import { RESOLUTIONS, typeFaults } from './support/package/consumer-types.ts'
import { type EntryLists, entryFaults } from './support/package/entries.ts'
import { importFaults } from './support/package/imports.ts'
import { type Consumer, installPackage, packProject } from './support/package/install.ts'
import { PROJECT_ROOT, readProject } from './support/project-files.ts'
import { binaryOf } from './support/runtimes/binaries.ts'

const SLOW = { timeout: 120_000 }
const SPECIFIERS = Object.keys(manifest.exports)
  .filter((subpath) => subpath !== './package.json')
  .map((subpath) => subpath.replace('.', manifest.name))

const RUNTIMES = [
  { name: 'this Node', node: process.execPath },
  { name: 'the oldest Node', node: binaryOf('node20') },
]

const BUNDLES: readonly BundleRule[] = [
  { entry: 'privity', texts: ['sqlite'], packages: ['better-sqlite3'] },
  { entry: 'privity/memory', texts: ['sqlite'], packages: ['zod', 'jose'] },
  { entry: 'privity/idb', texts: ['sqlite'], packages: ['zod', 'jose', '@noble/hashes'] },
  { entry: 'privity/verify', texts: ['sqlite'], packages: ['zod', '@noble/ciphers'] },
  { entry: 'privity/postgres', texts: ['sqlite'], packages: ['zod', 'jose', 'pg', 'postgres'] },
  { entry: 'privity/sqlite', texts: [], packages: ['zod', 'jose', 'better-sqlite3'] },
  { entry: 'privity/hooks', texts: [], packages: ['zod', 'jose', 'pg', 'better-sqlite3'] },
  {
    entry: 'privity/seal',
    texts: ['sqlite'],
    packages: ['zod', '@noble/ciphers', '@noble/hashes'],
  },
]

describe('the package', () => {
  let consumer: Consumer

  beforeAll(async () => {
    requireFreshBuild()
    consumer = installPackage(await packProject())
  }, SLOW.timeout)

  afterAll(() => remove(consumer))

  test('holds the build, its documents, and no path of the machine it was made on', () => {
    const allowed =
      /^(bin\/privity\.js|dist\/[^/]+\.(js|d\.ts|js\.map)|docs\/((design|stores)\/)?[^/]+\.md|(README|CHANGELOG)\.md|LICENSE|package\.json)$/
    const paths = [...consumer.packed.keys()]
    expect(paths.filter((path) => !allowed.test(path))).toEqual([])
    expect(paths).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'CHANGELOG.md']))
    const leaks = [...consumer.packed].filter(([, bytes]) =>
      Buffer.from(bytes).includes(PROJECT_ROOT),
    )
    expect(leaks.map(([path]) => path)).toEqual([])
  })

  test('holds every page that its README, and its pages, link to', () => {
    const pages = [...consumer.packed].filter(([path]) => path.endsWith('.md'))
    const linked = pages.flatMap(([path, bytes]) => {
      const links = [
        ...Buffer.from(bytes)
          .toString()
          .matchAll(/\]\((?!https?:)([^)#]+\.md)[^)]*\)/g),
      ]
      return links.map(([, link = '']) => join(dirname(path), link).replaceAll('\\', '/'))
    })
    expect(linked).toEqual(expect.arrayContaining(['docs/keys.md', 'docs/stores/indexeddb.md']))
    expect(linked.filter((path) => !consumer.packed.has(path))).toEqual([])
  })

  test('lists the same entries in exports, the build and src', () => {
    expect(entryFaults(projectLists())).toEqual([])
  })

  test.for(RUNTIMES)('loads by import and by require in $name', SLOW, async ({ node }) => {
    expect(await importFaults(consumer, SPECIFIERS, node)).toEqual([])
  })

  test.for(BUNDLES)('bundles $entry for the browser with nothing foreign', SLOW, async (rule) => {
    expect(await bundleFaults(consumer, rule)).toEqual([])
  })

  test.for(Object.keys(RESOLUTIONS))('has declarations that compile with %s', SLOW, (name) => {
    const source = readFileSync(join(PROJECT_ROOT, 'test/fixtures/package/consumer.ts'))
    writeFileSync(join(consumer.root, 'consumer.ts'), source)
    expect(typeFaults(consumer, RESOLUTIONS[name] ?? {})).toEqual([])
  })
})

describe('the checks of the package', () => {
  test('accept a sound one', SLOW, async () => {
    const sound = fake('export const one = 1\n')
    writeFileSync(join(sound.root, 'consumer.ts'), USE_ONE)
    expect(await importFaults(sound, ['privity'])).toEqual([])
    expect(await bundleFaults(sound, NOTHING_FOREIGN)).toEqual([])
    expect(typeFaults(sound, RESOLUTIONS['nodenext'] ?? {})).toEqual([])
  })

  test('report an entry that does not load', SLOW, async () => {
    const throwing = fake("throw new Error('broken')\n")
    const missing = fake("export { one } from './chunk.js'\n")
    const waiting = fake('export const one = await 1\n')
    const loads = [throwing, missing, waiting].map((each) => importFaults(each, ['privity']))
    expect(await Promise.all(loads)).toEqual([
      [expect.stringContaining('broken')],
      [expect.stringContaining('chunk.js')],
      [expect.stringContaining('top-level await')],
    ])
    expect(await importFaults(throwing, ['privity/absent'])).toHaveLength(1)
  })

  test('report what a browser bundle must not hold', SLOW, async () => {
    const bundles = [
      "import { readFileSync } from 'node:fs'\nexport const one = readFileSync\n",
      "export const one = () => import('node:sqlite')\n",
      "export const one = 'SQLite'\n",
      "import * as z from 'zod/mini'\nexport const one = z.string()\n",
    ].map((index) => bundleFaults(fake(index), NOTHING_FOREIGN))
    expect(await Promise.all(bundles)).toEqual([
      [expect.stringContaining('does not bundle')],
      [expect.stringContaining('does not bundle')],
      ["privity contains 'sqlite'"],
      ['privity pulls in zod'],
    ])
  })

  test('report declarations that do not compile', SLOW, () => {
    const asksForNode = fake('', "import type { Stats } from 'node:fs'\nexport const one: Stats\n")
    const lacksName = fake('', 'export declare const two: number\n')
    const faults = [asksForNode, lacksName].map((each) => {
      writeFileSync(join(each.root, 'consumer.ts'), USE_ONE)
      return typeFaults(each, RESOLUTIONS['bundler'] ?? {}).map((fault) => fault.split(' ')[0])
    })
    expect(faults[0]).toContain('node_modules/privity/dist/index.d.ts')
    expect(faults[1]).toEqual(['consumer.ts'])
  })

  test('report entries that one of the three lists lacks', () => {
    const lists: EntryLists = {
      exports: {
        '.': { types: './dist/index.d.ts', default: './dist/index.js' },
        './swapped': { default: './dist/swapped.js', types: './dist/swapped.d.ts' },
        './unbuilt': { types: './dist/unbuilt.d.ts', default: './dist/unbuilt.js' },
        './package.json': './package.json',
      },
      built: { index: 'src/index.ts', swapped: 'src/swapped.ts', hidden: 'src/deep/hidden.ts' },
      sources: ['src/index.ts', 'src/swapped.ts', 'src/unbuilt.ts', 'src/privity.ts'],
    }
    expect(entryFaults(lists)).toEqual([
      'hidden in exports',
      'hidden in tsup entries',
      'hidden in src',
      'swapped in exports',
      'unbuilt in tsup entries',
    ])
  })
})

const ROOT_EXPORT = { '.': { types: './dist/index.d.ts', default: './dist/index.js' } }
const USE_ONE = "import { one } from 'privity'\nexport const two: number = Number(one) + 1\n"
const NOTHING_FOREIGN: BundleRule = { entry: 'privity', texts: ['sqlite'], packages: ['zod'] }

/** Installs a package of one module; it is gone when the test is over. */
function fake(index: string, types = 'export declare const one: number\n'): Consumer {
  const consumer = installPackage(
    new Map([
      ['package.json', JSON.stringify({ name: 'privity', type: 'module', exports: ROOT_EXPORT })],
      ['dist/index.js', index],
      ['dist/index.d.ts', types],
    ]),
  )
  onTestFinished(() => remove(consumer))
  return consumer
}

function remove(consumer: Consumer | undefined): void {
  if (consumer !== undefined) rmSync(consumer.root, { recursive: true, force: true })
}

function projectLists(): EntryLists {
  const { entry } = tsupConfig as { readonly entry?: EntryLists['built'] }
  return {
    exports: manifest.exports,
    built: entry ?? {},
    sources: [...readProject(['src'], /^src\/[^/]+\.ts$/).keys()],
  }
}
