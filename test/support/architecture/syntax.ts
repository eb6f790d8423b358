import ts from 'typescript'
import { lineOf, nodesOf, type Rule, type SourceUnit, type Violation } from './model.ts'

interface Ban {
  readonly rule: Rule
  readonly detail: string
  matches(node: ts.Node): boolean
  /** The one file that may, because it is what everybody else uses instead. */
  readonly except?: string
}

const BARE_ERRORS: readonly string[] = [
  'Error',
  'AggregateError',
  'EvalError',
  'RangeError',
  'ReferenceError',
  'SyntaxError',
  'URIError',
]

const BANS: readonly Ban[] = [
  {
    rule: 'default export',
    detail: 'exports have names',
    matches: (node) => ts.isExportAssignment(node) || isDefaultExport(node),
  },
  {
    rule: 'export *',
    detail: 'every export is named where it leaves',
    matches: (node) => ts.isExportDeclaration(node) && isWildcard(node),
  },
  {
    rule: 'any',
    detail: 'say unknown and parse it',
    matches: (node) => node.kind === ts.SyntaxKind.AnyKeyword,
  },
  {
    rule: 'non-null',
    detail: 'handle the absent case',
    matches: (node) => ts.isNonNullExpression(node) || hasDefiniteMark(node),
  },
  {
    rule: 'bare error',
    detail: 'throw a PrivityError with a code',
    matches: isBareError,
  },
  {
    rule: 'clock',
    detail: 'take a Clock',
    matches: isWallClock,
    except: 'src/base/time.ts',
  },
  {
    rule: 'randomness',
    detail: 'use randomBytes or randomId',
    matches: isMember('Math', 'random'),
  },
  { rule: 'console', detail: 'a library does not print', matches: isMember('console') },
  {
    rule: 'platform',
    detail: 'ask base/platform.ts for platform modules',
    matches: isMember('process', 'getBuiltinModule'),
    except: 'src/base/platform.ts',
  },
  {
    rule: 'class',
    detail: 'a factory will do, unless it is an error or hides state in a #private member',
    matches: (node) => ts.isClassLike(node) && !isErrorClass(node) && !hidesState(node),
  },
]

export function checkSyntax(units: readonly SourceUnit[]): readonly Violation[] {
  return units.flatMap((unit) => nodesOf(unit).flatMap((node) => faultsOf(unit, node)))
}

function faultsOf(unit: SourceUnit, node: ts.Node): readonly Violation[] {
  return BANS.filter((ban) => ban.except !== unit.path && ban.matches(node)).map(
    ({ rule, detail }) => ({ rule, path: unit.path, line: lineOf(unit, node), detail }),
  )
}

function isDefaultExport(node: ts.Node): boolean {
  if (ts.isExportSpecifier(node)) return node.name.text === 'default'
  return node.kind === ts.SyntaxKind.DefaultKeyword && !ts.isDefaultClause(node.parent)
}

function isWildcard(node: ts.ExportDeclaration): boolean {
  return node.exportClause === undefined || ts.isNamespaceExport(node.exportClause)
}

function hasDefiniteMark(node: ts.Node): boolean {
  if (!ts.isPropertyDeclaration(node) && !ts.isVariableDeclaration(node)) return false
  return node.exclamationToken !== undefined
}

function isBareError(node: ts.Node): boolean {
  if (!ts.isNewExpression(node) && !ts.isCallExpression(node)) return false
  return ts.isIdentifier(node.expression) && BARE_ERRORS.includes(node.expression.text)
}

function isWallClock(node: ts.Node): boolean {
  if (isMember('Date', 'now')(node)) return true
  const built = ts.isNewExpression(node) && (node.arguments ?? []).length === 0
  return built && ts.isIdentifier(node.expression) && node.expression.text === 'Date'
}

/** `owner.name` by a dot or a string index, also through globalThis; any member if unnamed. */
function isMember(owner: string, name?: string): (node: ts.Node) => boolean {
  return (node) => {
    if (!ts.isPropertyAccessExpression(node) && !ts.isElementAccessExpression(node)) return false
    if (!isGlobalNamed(node.expression, owner)) return false
    return name === undefined || memberName(node) === name
  }
}

function isGlobalNamed(expression: ts.Expression, name: string): boolean {
  if (ts.isIdentifier(expression)) return expression.text === name
  return (
    ts.isPropertyAccessExpression(expression) &&
    expression.name.text === name &&
    isGlobalNamed(expression.expression, 'globalThis')
  )
}

function memberName(
  node: ts.PropertyAccessExpression | ts.ElementAccessExpression,
): string | undefined {
  if (ts.isPropertyAccessExpression(node)) return node.name.text
  return ts.isStringLiteral(node.argumentExpression) ? node.argumentExpression.text : undefined
}

function isErrorClass(node: ts.ClassLikeDeclaration): boolean {
  const parents = (node.heritageClauses ?? []).flatMap((clause) => clause.types)
  return parents.some(({ expression }) => /Error$/.test(expression.getText()))
}

function hidesState(node: ts.ClassLikeDeclaration): boolean {
  return node.members.some(({ name }) => name !== undefined && ts.isPrivateIdentifier(name))
}
