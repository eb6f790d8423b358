import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PROJECT_ROOT } from './support/project-files.ts'

interface Limit {
  readonly name: string
  readonly limit: string
}

const limits: readonly Limit[] = JSON.parse(read('.size-limit.json'))

test.for(limits.map(({ name, limit }) => ({ entry: name.split(',')[0] ?? name, limit })))(
  'docs/overview.md gives the limit of $entry',
  ({ entry, limit }) => {
    const [, module = ''] = /^(privity(?:\/\w+)?)/.exec(entry) ?? []
    const row = read('docs/overview.md').match(
      new RegExp(`^.*\`${module}\`.* ${kilobytes(limit)} .*$`, 'm'),
    )
    expect(row?.[0]).toBeDefined()
  },
)

/** As size-limit reads it: a kB is a thousand bytes. */
function kilobytes(limit: string): string {
  const [number = '', unit] = limit.split(' ')
  return unit === 'B' ? (Number(number) / 1_000).toFixed(1) : number
}

function read(path: string): string {
  return readFileSync(join(PROJECT_ROOT, path), 'utf8')
}
