import { join } from 'node:path'
import ts from 'typescript'
import { listFiles } from '../project-files.ts'
import type { Consumer } from './install.ts'

const SHARED: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts', 'lib.dom.asynciterable.d.ts'],
  // An app in the browser has no types of Node: the declarations must not ask for them.
  types: [],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noEmit: true,
}

/** How apps resolve packages today. */
export const RESOLUTIONS: { readonly [name: string]: ts.CompilerOptions } = {
  nodenext: { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext },
  bundler: { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler },
}

/** Compiles the .ts files in the consumer's folder, checking every declaration file they reach. */
export function typeFaults(consumer: Consumer, resolution: ts.CompilerOptions): readonly string[] {
  const sources = listFiles(consumer.root).filter((path) => path.endsWith('.ts'))
  const program = ts.createProgram(sources, { ...SHARED, ...resolution })
  return ts.getPreEmitDiagnostics(program).map((diagnostic) => {
    const message = ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n  ')
    const path = diagnostic.file?.fileName.replace(join(consumer.root, '/'), '') ?? ''
    return `${path} ${message}`
  })
}
