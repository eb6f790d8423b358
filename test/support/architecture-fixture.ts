import type { ProjectFiles } from './architecture/model.ts'

/** A small project in one text file, with the findings it must cause. */
export interface ArchitectureFixture {
  /** `rule path` or `rule path:line`, in the order in which the file states them. */
  readonly expected: readonly string[]
  readonly files: ProjectFiles
}

const FILE = /^=== (\S+)$/
const EXPECT = /^# expect (.+)$/
const REPEAT = /^@repeat (\d+) (.*)$/

/**
 * Lines before the first `=== path` are comments and `# expect rule at path:line`.
 * `@repeat 3 text` stands for three lines of text, `#` in it for the number of the line.
 */
export function parseFixture(text: string): ArchitectureFixture {
  const [head = '', ...parts] = text.split(/^(?==== )/m)
  return {
    expected: head.split('\n').flatMap((line) => EXPECT.exec(line)?.[1] ?? []),
    files: new Map(parts.map(parseFile)),
  }
}

function parseFile(part: string): readonly [string, string] {
  const [head = '', ...lines] = part.split('\n')
  const path = FILE.exec(head)?.[1] ?? head
  return [path, lines.flatMap(expand).join('\n')]
}

function expand(line: string): readonly string[] {
  const [, times, text = ''] = REPEAT.exec(line) ?? []
  if (times === undefined) return [line]
  return Array.from({ length: Number(times) }, (_, index) => text.replaceAll('#', `${index}`))
}
