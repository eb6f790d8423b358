import { importsOf, isRelative, targetOf, type ImportRef } from './imports.ts'
import type { SourceUnit, Violation } from './model.ts'

/** The house: a room imports from itself and from rooms with a lower number, types included. */
const LAYERS: { readonly [room: string]: number } = {
  base: 0,
  crypto: 1,
  storage: 1,
  adapters: 2,
  policy: 2,
  keys: 2,
  ledger: 2,
  anchors: 2,
  subjects: 3,
  journal: 3,
  notices: 4,
  audit: 4,
  consent: 5,
  permit: 6,
  vault: 7,
  pseudonyms: 7,
  forms: 7,
  erasure: 8,
  blobs: 8,
  rotation: 8,
  startup: 9,
  retention: 9,
  hooks: 9,
  evidence: 10,
  moving: 10,
  rooms: 11,
  'privity.ts': 12,
  testkit: 13,
}

/** Published entries: they sit on top and nobody imports them. */
const ENTRIES: readonly string[] = [
  'src/index.ts',
  'src/memory.ts',
  'src/idb.ts',
  'src/sqlite.ts',
  'src/postgres.ts',
  'src/reports.ts',
  'src/verify.ts',
  'src/seal.ts',
  'src/hooks.ts',
  'src/testkit.ts',
]

/** Rooms narrower than their layer allows. */
const ONLY: { readonly [room: string]: readonly string[] } = {
  adapters: ['adapters', 'base', 'storage'],
  anchors: ['anchors', 'base', 'crypto', 'storage'],
  hooks: ['adapters', 'base', 'crypto', 'erasure', 'hooks'],
}

const DEEPEST_FOLDER = 2

export function isEntry(path: string): boolean {
  return ENTRIES.includes(path)
}

/** The folder below src, or the file itself when it lies directly in src. */
export function roomOf(path: string): string {
  return path.split('/')[1] ?? ''
}

export function checkLayers(units: readonly SourceUnit[]): readonly Violation[] {
  return units.flatMap((unit) => [...checkPlace(unit), ...checkDirection(unit)])
}

function checkPlace(unit: SourceUnit): readonly Violation[] {
  const { path } = unit
  const name = path.slice(path.lastIndexOf('/') + 1)
  const faults: string[] = []
  if (!isEntry(path) && LAYERS[roomOf(path)] === undefined) faults.push('no layer holds this file')
  if (name === 'index.ts' && path !== 'src/index.ts') faults.push('a folder has no index.ts')
  if (!/^[a-z0-9]+(-[a-z0-9]+)*\.ts$/.test(name)) faults.push('file names are kebab-case')
  if (/(^|-)(utils?|helpers?|misc|common)\.ts$/.test(name)) faults.push('the name says no idea')
  if (path.split('/').length - 2 > DEEPEST_FOLDER) faults.push('more than two folders deep')
  return faults.map((detail) => ({ rule: 'place', path, detail }))
}

function checkDirection(unit: SourceUnit): readonly Violation[] {
  return importsOf(unit)
    .filter(({ specifier }) => isRelative(specifier))
    .flatMap((ref) => {
      const detail = directionFault(unit, ref)
      return detail === undefined
        ? []
        : [{ rule: 'layers', path: unit.path, line: ref.line, detail }]
    })
}

function directionFault(unit: SourceUnit, ref: ImportRef): string | undefined {
  const target = targetOf(unit, ref.specifier)
  if (!target.startsWith('src/')) return `${ref.specifier} leaves src`
  if (isEntry(target)) return `nobody imports the entry ${target}`
  if (isEntry(unit.path)) return undefined
  const [from, to] = [roomOf(unit.path), roomOf(target)]
  if (ONLY[from] !== undefined && !ONLY[from].includes(to)) return `${from} may not know ${to}`
  if (from === to) return undefined
  const [above, below] = [LAYERS[from], LAYERS[to]]
  if (above === undefined || below === undefined) return undefined
  return below < above ? undefined : `${from} (${above}) imports ${to} (${below})`
}
