/** Code that a reader may copy, and where it stands. */
export interface Snippet {
  readonly path: string
  /** 1-based line of the code's first line in the file. */
  readonly line: number
  readonly code: string
}

export interface Extracted {
  readonly snippets: readonly Snippet[]
  /** Blocks that would slip through the check. */
  readonly faults: readonly string[]
}

const FENCE = /^([ \t]*)(`{3,}|~{3,})[ \t]*(\S*)[ \t]*(.*)$/
const CODE = /^(ts|tsx|typescript|js|jsx|javascript|mjs|mts)$/i
const COMMENT = /\/\*\*[\s\S]*?\*\//g

/**
 * The `ts` blocks of a Markdown text, which starts on the given line of its file. No word after
 * `ts` turns the check off.
 */
export function extractFences(path: string, markdown: string, firstLine = 1): Extracted {
  const snippets: Snippet[] = []
  const faults: string[] = []
  const lines = markdown.split('\n')
  for (let index = 0; index < lines.length; index += 1) {
    const opened = FENCE.exec(lines[index] ?? '')
    if (opened === null) continue
    const [, indent = '', fence = '', language = '', rest = ''] = opened
    const start = index + 1
    const line = firstLine + start
    index = endOfFence(lines, start, fence)
    if (!CODE.test(language)) continue
    if (language !== 'ts' || rest !== '') {
      faults.push(`${path}:${line - 1} ${`${language} ${rest}`.trim()}: say ts`)
    }
    const code = lines.slice(start, index).map((line) => line.replace(indent, ''))
    snippets.push({ path, line, code: code.join('\n') })
  }
  return { snippets, faults }
}

/** The blocks of every `@example` in the doc comments of a source file. */
export function extractExamples(path: string, source: string): Extracted {
  const parts = [...source.matchAll(COMMENT)].flatMap((comment) => {
    const first = source.slice(0, comment.index).split('\n').length
    return examplesIn(comment[0]).map(({ offset, text }) => ({ line: first + offset, text }))
  })
  const results = parts.map(({ line, text }) => {
    const found = extractFences(path, text, line)
    return found.snippets.length > 0 ? found : unfenced(path, line)
  })
  return {
    snippets: results.flatMap(({ snippets }) => snippets),
    faults: results.flatMap(({ faults }) => faults),
  }
}

/** The index of the closing fence, or of the end of the text. */
function endOfFence(lines: readonly string[], start: number, fence: string): number {
  const index = lines.findIndex((line, at) => at >= start && line.trim().startsWith(fence))
  return index < 0 ? lines.length : index
}

/** Text from each `@example` to the next tag. */
function examplesIn(
  comment: string,
): readonly { readonly offset: number; readonly text: string }[] {
  const lines = comment.split('\n').map((line) => line.replace(/^\s*(\/\*\*|\*\/|\*) ?/, ''))
  const tags = lines.flatMap((line, index) => (/^@[a-z]/i.test(line) ? [index] : []))
  return tags
    .filter((index) => lines[index]?.startsWith('@example'))
    .map((index) => {
      const next = tags.find((tag) => tag > index) ?? lines.length
      return { offset: index, text: ['', ...lines.slice(index + 1, next)].join('\n') }
    })
}

function unfenced(path: string, line: number): Extracted {
  return { snippets: [], faults: [`${path}:${line} @example without a ts block`] }
}
