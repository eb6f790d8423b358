import { posix } from 'node:path'
import ts from 'typescript'
import { readProject } from '../project-files.ts'
import type { Snippet } from './snippets.ts'

export const PREAMBLE = 'test/support/docs-preamble.ts'

interface Exported {
  readonly name: string
  readonly path: string
  /** Interfaces and aliases vanish at run time, and must be imported as types. */
  readonly isType: boolean
}

/** Turns snippets into modules by importing what they use and do not declare. */
export function createModuleText(): (snippet: Snippet) => string {
  const sources = readProject(['src', PREAMBLE], /\.ts$/)
  const exported = new Map([...sources].map(([path, text]) => [path, exportsOf(path, text)]))
  const everywhere = [...exported.values()].flat()
  const preamble = exported.get(PREAMBLE) ?? []
  return (snippet) => {
    if (!isExample(snippet)) return withImports(snippet, preamble)
    // Of two exports with one name, that of the documented file is meant, then the preamble's.
    return withImports(snippet, [...everywhere, ...preamble, ...(exported.get(snippet.path) ?? [])])
  }
}

/** An `@example` stands beside the file that it documents; a page stands in the root. */
export function folderOf(snippet: Snippet): string {
  return isExample(snippet) ? posix.dirname(snippet.path) : '.'
}

function isExample({ path }: Snippet): boolean {
  return path.startsWith('src/')
}

/** The imports stand on the first line of the code, so that its line numbers stay. */
function withImports(snippet: Snippet, scope: readonly Exported[]): string {
  const tree = parse(snippet.code)
  const declared = new Set(tree.statements.flatMap(declaredNames))
  const missing = new Set(identifiersOf(tree).filter((name) => !declared.has(name)))
  const found = new Map(scope.map((it) => [it.name, it]))
  const imports = [...found.values()]
    .filter(({ name }) => missing.has(name))
    .map((it) => importOf(it, folderOf(snippet)))
  if (isExample(snippet) && missing.has('z')) imports.push("import * as z from 'zod'")
  return `${imports.map((line) => `${line}; `).join('')}${snippet.code}\nexport {}\n`
}

function importOf({ name, path, isType }: Exported, folder: string): string {
  return `import { ${isType ? 'type ' : ''}${name} } from './${posix.relative(folder, path)}'`
}

function parse(text: string): ts.SourceFile {
  return ts.createSourceFile('snippet.ts', text, ts.ScriptTarget.ES2022, true)
}

function exportsOf(path: string, text: string): readonly Exported[] {
  return parse(text).statements.flatMap((statement) => {
    const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined
    const isExported = modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
    if (!isExported) return []
    const isType = ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement)
    return declaredNames(statement).map((name) => ({ name, path, isType }))
  })
}

function declaredNames(statement: ts.Statement): readonly string[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.flatMap(({ name }) => identifiersOf(name))
  }
  if (ts.isImportDeclaration(statement)) return identifiersOf(statement)
  const name = (statement as { readonly name?: ts.Node }).name
  return name !== undefined && ts.isIdentifier(name) ? [name.text] : []
}

function identifiersOf(node: ts.Node): readonly string[] {
  const names = ts.isIdentifier(node) ? [node.text] : []
  ts.forEachChild(node, (child) => {
    names.push(...identifiersOf(child))
  })
  return names
}
