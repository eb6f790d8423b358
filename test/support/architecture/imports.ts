import { posix } from 'node:path'
import ts from 'typescript'
import { lineOf, nodesOf, type SourceUnit } from './model.ts'

/** One mention of another module, in whatever syntax. */
export interface ImportRef {
  readonly specifier: string
  readonly line: number
  readonly typeOnly: boolean
  /** `import()` as an expression. */
  readonly dynamic: boolean
  /** `import * as name`. */
  readonly namespace: boolean
}

export function importsOf(unit: SourceUnit): readonly ImportRef[] {
  return nodesOf(unit).flatMap((node) => {
    const found = fromDeclaration(node) ?? fromExpression(node)
    return found === undefined ? [] : [{ ...found, line: lineOf(unit, node) }]
  })
}

export function isRelative(specifier: string): boolean {
  return specifier.startsWith('./') || specifier.startsWith('../')
}

/** The project path a relative import names. */
export function targetOf(unit: SourceUnit, specifier: string): string {
  return posix.join(posix.dirname(unit.path), specifier)
}

type FoundImport = Omit<ImportRef, 'line'>

function fromDeclaration(node: ts.Node): FoundImport | undefined {
  if (!ts.isImportDeclaration(node) && !ts.isExportDeclaration(node)) return undefined
  if (node.moduleSpecifier === undefined || !ts.isStringLiteral(node.moduleSpecifier))
    return undefined
  const specifier = node.moduleSpecifier.text
  if (ts.isExportDeclaration(node)) {
    return { specifier, typeOnly: node.isTypeOnly, dynamic: false, namespace: false }
  }
  const clause = node.importClause
  const bindings = clause?.namedBindings
  return {
    specifier,
    typeOnly: clause?.phaseModifier === ts.SyntaxKind.TypeKeyword,
    dynamic: false,
    namespace: bindings !== undefined && ts.isNamespaceImport(bindings),
  }
}

function fromExpression(node: ts.Node): FoundImport | undefined {
  if (ts.isImportTypeNode(node)) {
    const literal = ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined
    if (literal === undefined || !ts.isStringLiteral(literal)) return undefined
    return { specifier: literal.text, typeOnly: true, dynamic: true, namespace: false }
  }
  if (!ts.isCallExpression(node) || node.expression.kind !== ts.SyntaxKind.ImportKeyword) {
    return undefined
  }
  const [argument] = node.arguments
  // A computed specifier could name anything: the package rules refuse the empty name.
  const specifier = argument !== undefined && ts.isStringLiteralLike(argument) ? argument.text : ''
  return { specifier, typeOnly: false, dynamic: true, namespace: false }
}
