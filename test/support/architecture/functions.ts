import ts from 'typescript'
import { lineOf, nodesOf, type SourceUnit } from './model.ts'

export type FunctionWithBody = ts.FunctionLikeDeclaration & { readonly body: ts.Node }

export function functionsOf(unit: SourceUnit): readonly FunctionWithBody[] {
  return nodesOf(unit).filter(hasBody)
}

function hasBody(node: ts.Node): node is FunctionWithBody {
  return ts.isFunctionLike(node) && 'body' in node && node.body !== undefined
}

/** Lines from the first token of the function to its closing brace. */
export function functionLines(unit: SourceUnit, node: ts.Node): number {
  const end = unit.tree.getLineAndCharacterOfPosition(node.getEnd()).line + 1
  return end - lineOf(unit, node) + 1
}

export function nameOf(node: FunctionWithBody): string {
  if (node.name !== undefined) return node.name.getText()
  return ts.isConstructorDeclaration(node) ? 'constructor' : 'a function'
}

/** How many control structures stand inside each other; a nested function starts afresh. */
export function nestingOf(node: FunctionWithBody): number {
  return deepest(node.body, 0)
}

function deepest(node: ts.Node, depth: number): number {
  let most = depth
  ts.forEachChild(node, (child) => {
    if (hasBody(child)) return
    most = Math.max(most, deepest(child, depth + Number(opensLevel(child))))
  })
  return most
}

function opensLevel(node: ts.Node): boolean {
  if (ts.isIfStatement(node)) return !isElseIf(node)
  return (
    ts.isIterationStatement(node, false) || ts.isSwitchStatement(node) || ts.isTryStatement(node)
  )
}

function isElseIf(node: ts.IfStatement): boolean {
  return ts.isIfStatement(node.parent) && node.parent.elseStatement === node
}
