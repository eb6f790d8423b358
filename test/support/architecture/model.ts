import ts from 'typescript'

/** Project-relative paths with forward slashes, and what stands in those files. */
export type ProjectFiles = ReadonlyMap<string, string>

export const RULES = [
  'place',
  'layers',
  'entries',
  'packages',
  'cycles',
  'file lines',
  'function lines',
  'parameters',
  'nesting',
  'tree',
  'default export',
  'export *',
  'any',
  'non-null',
  'bare error',
  'clock',
  'randomness',
  'console',
  'platform',
  'class',
  'suppression',
  'unfinished',
  'promise',
  'adapter test',
  'error codes',
] as const

export type Rule = (typeof RULES)[number]

export interface Violation {
  readonly rule: Rule
  readonly path: string
  /** 1-based; absent when the rule is about the whole file or tree. */
  readonly line?: number
  readonly detail: string
}

/** One parsed file of src. */
export interface SourceUnit {
  readonly path: string
  readonly text: string
  readonly tree: ts.SourceFile
}

export function parseUnits(files: ProjectFiles): readonly SourceUnit[] {
  return [...files]
    .filter(([path]) => path.startsWith('src/') && path.endsWith('.ts'))
    .map(([path, text]) => ({
      path,
      text,
      tree: ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true, ts.ScriptKind.TS),
    }))
}

/** Visits every node below (and not including) the root, parents first. */
export function walk(root: ts.Node, visit: (node: ts.Node) => void): void {
  ts.forEachChild(root, (child) => {
    visit(child)
    walk(child, visit)
  })
}

export function nodesOf(unit: SourceUnit): readonly ts.Node[] {
  const nodes: ts.Node[] = []
  walk(unit.tree, (node) => nodes.push(node))
  return nodes
}

export function lineOf(unit: SourceUnit, node: ts.Node): number {
  return unit.tree.getLineAndCharacterOfPosition(node.getStart(unit.tree)).line + 1
}

/** Physical lines; a final newline does not open another one. */
export function countLines(text: string): number {
  if (text === '') return 0
  const lines = text.split('\n').length
  return text.endsWith('\n') ? lines - 1 : lines
}

export function formatViolation(violation: Violation): string {
  const place =
    violation.line === undefined ? violation.path : `${violation.path}:${violation.line}`
  return `${place} ${violation.rule}: ${violation.detail}`
}
