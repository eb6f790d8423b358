import { join, resolve } from 'node:path'
import ts from 'typescript'
import { PROJECT_ROOT } from '../project-files.ts'
import { createModuleText, folderOf, PREAMBLE } from './module-text.ts'
import type { Snippet } from './snippets.ts'

/** What a snippet may leave out of the ceremony of a source file. */
const RELAXED: ts.CompilerOptions = {
  noEmit: true,
  declaration: false,
  isolatedDeclarations: false,
  rewriteRelativeImportExtensions: false,
  noUnusedLocals: false,
  noUnusedParameters: false,
}

/**
 * Compiles each snippet as a module of its own and returns what the compiler says, as
 * `path:line message`. Names that a snippet does not declare come from the preamble, and for an
 * `@example` also from anywhere in src; a page must import what it uses, as its readers must.
 */
export function compileSnippets(snippets: readonly Snippet[]): readonly string[] {
  const options = { ...readOptions(), ...RELAXED }
  const preamble = join(PROJECT_ROOT, PREAMBLE)
  const toText = createModuleText()
  const modules = new Map(snippets.map((snippet, index) => [modulePath(snippet, index), snippet]))
  const texts = new Map([...modules].map(([path, snippet]) => [path, toText(snippet)]))
  const host = overlay(ts.createCompilerHost(options), texts)
  const program = ts.createProgram([preamble, ...texts.keys()], options, host)
  return [preamble, ...texts.keys()].flatMap((path) => {
    const file = program.getSourceFile(path)
    if (file === undefined) return [`${path} was not compiled`]
    return ts
      .getPreEmitDiagnostics(program, file)
      .map((diagnostic) => describe(diagnostic, modules.get(path)))
  })
}

function readOptions(): ts.CompilerOptions {
  const path = join(PROJECT_ROOT, 'tsconfig.json')
  const { config } = ts.readConfigFile(path, ts.sys.readFile)
  return ts.parseJsonConfigFileContent(config, ts.sys, PROJECT_ROOT).options
}

function modulePath(snippet: Snippet, index: number): string {
  return join(PROJECT_ROOT, folderOf(snippet), `snippet-${index}.ts`)
}

function overlay(host: ts.CompilerHost, texts: ReadonlyMap<string, string>): ts.CompilerHost {
  const find = (path: string): string | undefined => texts.get(resolve(path))
  return {
    ...host,
    fileExists: (path) => find(path) !== undefined || host.fileExists(path),
    readFile: (path) => find(path) ?? host.readFile(path),
    getSourceFile: (path, version, ...rest) => {
      const text = find(path)
      if (text === undefined) return host.getSourceFile(path, version, ...rest)
      return ts.createSourceFile(path, text, version, true)
    },
  }
}

function describe(diagnostic: ts.Diagnostic, snippet: Snippet | undefined): string {
  const message = ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n  ')
  const { file, start = 0 } = diagnostic
  const line = file?.getLineAndCharacterOfPosition(start).line ?? 0
  if (snippet === undefined) return `${PREAMBLE}:${line + 1} ${message}`
  return `${snippet.path}:${snippet.line + line} ${message}`
}
