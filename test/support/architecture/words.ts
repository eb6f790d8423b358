import type { ProjectFiles, Rule, Violation } from './model.ts'

interface WordBan {
  readonly rule: Rule
  readonly pattern: RegExp
  readonly detail: string
  readonly applies: (path: string) => boolean
}

const BANS: readonly WordBan[] = [
  {
    rule: 'suppression',
    pattern:
      /@ts-(ignore|expect-error|nocheck)|biome-ignore|eslint-disable|\b(v8|c8|istanbul) ignore/,
    detail: 'a finding is fixed, not silenced',
    applies: isSource,
  },
  {
    rule: 'unfinished',
    pattern: /\b(TODO|FIXME|XXX|HACK)\b/,
    detail: 'what is missing is an issue, not a comment',
    applies: isSource,
  },
  {
    rule: 'promise',
    pattern: /immutab|unhackable|tamper[- ]?proof|GDPR[- ]?complian/i,
    detail: 'say what the code does: tamper-evident, erasable, helps you meet',
    applies: isProse,
  },
]

/** Rules about text, wherever in the file it stands. */
export function checkWords(files: ProjectFiles): readonly Violation[] {
  return [...files].flatMap(([path, text]) =>
    BANS.filter((ban) => ban.applies(path)).flatMap((ban) => faultsOf(ban, path, text)),
  )
}

function faultsOf(ban: WordBan, path: string, text: string): readonly Violation[] {
  return text.split('\n').flatMap((line, index) => {
    const found = ban.pattern.exec(line)
    if (found === null) return []
    return [{ rule: ban.rule, path, line: index + 1, detail: `'${found[0]}': ${ban.detail}` }]
  })
}

function isSource(path: string): boolean {
  return path.startsWith('src/')
}

function isProse(path: string): boolean {
  if (path.endsWith('.md')) return true
  return isSource(path) || path.startsWith('examples/')
}
