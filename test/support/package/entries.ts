/** The three places that list the entries of the package. */
export interface EntryLists {
  /** `exports` of package.json. */
  readonly exports: { readonly [subpath: string]: unknown }
  /** `entry` of tsup.config.ts. */
  readonly built: { readonly [name: string]: string }
  /** Files directly in src. */
  readonly sources: readonly string[]
}

/** Files directly in src that are no entries: the room where everything meets. */
const ROOMS: readonly string[] = ['src/privity.ts']

export function entryFaults({ exports, built, sources }: EntryLists): readonly string[] {
  const published = Object.keys(exports).filter((subpath) => subpath !== './package.json')
  const names = new Set([
    ...published.map(toName),
    ...Object.keys(built),
    ...sources.filter((path) => !ROOMS.includes(path)).map((path) => path.slice(4, -3)),
  ])
  return [...names].sort().flatMap((name) => {
    const expected = { types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` }
    const source = `src/${name}.ts`
    const actual = exports[name === 'index' ? '.' : `./${name}`]
    const faults: string[] = []
    // The order of the conditions decides which one a resolver takes.
    if (JSON.stringify(actual) !== JSON.stringify(expected)) faults.push(`${name} in exports`)
    if (built[name] !== source) faults.push(`${name} in tsup entries`)
    if (!sources.includes(source)) faults.push(`${name} in src`)
    return faults
  })
}

function toName(subpath: string): string {
  return subpath === '.' ? 'index' : subpath.slice(2)
}
