import ts from 'typescript'
import { nodesOf, type ProjectFiles, type SourceUnit, type Violation, walk } from './model.ts'

const CATALOGUE = 'src/base/errors.ts'
const DOCUMENT = 'docs/errors.md'

/** Codes of the catalogue that nothing throws yet, and why they have their name already. */
export type ReservedCodes = { readonly [code: string]: string }

/** A code is thrown by src, explained in the document and held by a test, or it is reserved. */
export function checkErrorCodes(
  files: ProjectFiles,
  units: readonly SourceUnit[],
  reserved: ReservedCodes,
): readonly Violation[] {
  const catalogue = units.find((unit) => unit.path === CATALOGUE)
  if (catalogue === undefined) return []
  const codes = codesOf(catalogue)
  const thrown = new Set(units.flatMap(thrownCodes))
  const headings = headingsOf(files.get(DOCUMENT) ?? '')
  const tests = [...files].filter(([path]) => /^test\/.*\.test\.ts$/.test(path))
  const tested = (code: string): boolean => tests.some(([, text]) => text.includes(`'${code}'`))
  return [
    ...codes.filter((code) => !headings.has(code)).map(fault('has no heading', DOCUMENT)),
    ...codes.filter((code) => !(code in reserved) && !thrown.has(code)).map(fault('is not thrown')),
    ...codes.filter((code) => !(code in reserved) && !tested(code)).map(fault('is in no test')),
    ...Object.keys(reserved)
      .filter((code) => thrown.has(code) || !codes.includes(code))
      .map(fault('is reserved, but thrown or unknown')),
  ]
}

function fault(detail: string, path: string = CATALOGUE): (code: string) => Violation {
  return (code) => ({ rule: 'error codes', path, detail: `${code} ${detail}` })
}

/** The members of `interface ErrorDetails`. */
function codesOf(unit: SourceUnit): readonly string[] {
  return nodesOf(unit)
    .filter(ts.isInterfaceDeclaration)
    .filter((node) => node.name.text === 'ErrorDetails')
    .flatMap((node) => node.members)
    .flatMap(({ name }) => (name !== undefined && ts.isIdentifier(name) ? [name.text] : []))
}

/**
 * Literals in the first argument of `new PrivityError`. Where that argument is computed, the
 * values of the file's tables and the arguments of its calls may end up in it.
 */
function thrownCodes(unit: SourceUnit): readonly string[] {
  const codes = nodesOf(unit)
    .filter(ts.isNewExpression)
    .filter(({ expression }) => expression.getText() === 'PrivityError')
    .flatMap((node) => (node.arguments ?? []).slice(0, 1))
  const direct = codes.flatMap(literalsIn)
  const computed = unit.path !== CATALOGUE && codes.some((code) => literalsIn(code).length === 0)
  return computed ? [...direct, ...nodesOf(unit).flatMap(tabledLiteral)] : direct
}

function literalsIn(expression: ts.Expression): readonly string[] {
  if (ts.isStringLiteral(expression)) return [expression.text]
  // The condition of `a === 'x' ? 'y' : 'z'` is asked, not thrown.
  if (ts.isConditionalExpression(expression)) {
    return [...literalsIn(expression.whenTrue), ...literalsIn(expression.whenFalse)]
  }
  const found: string[] = []
  walk(expression, (node) => {
    if (ts.isStringLiteral(node)) found.push(node.text)
  })
  return found
}

function tabledLiteral(node: ts.Node): readonly string[] {
  if (!ts.isStringLiteral(node)) return []
  const { parent } = node
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node ? [node.text] : []
  if (ts.isArrayLiteralExpression(parent)) return [node.text]
  const called = ts.isCallExpression(parent) && parent.expression.getText() !== 'isPrivityError'
  return called ? [node.text] : []
}

function headingsOf(markdown: string): ReadonlySet<string> {
  return new Set([...markdown.matchAll(/^#{2,} `?([a-z_]+)`?$/gm)].map(([, code = '']) => code))
}
