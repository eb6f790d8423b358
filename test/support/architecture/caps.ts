import ts from 'typescript'
import { functionLines, functionsOf, nameOf, nestingOf } from './functions.ts'
import { countLines, lineOf, nodesOf, type SourceUnit, type Violation } from './model.ts'

const CAPS = { fileLines: 320, functionLines: 60, parameters: 3, nesting: 3 } as const

export function checkCaps(units: readonly SourceUnit[]): readonly Violation[] {
  return units.flatMap((unit) => [
    ...checkFile(unit),
    ...checkFunctions(unit),
    ...checkParameters(unit),
  ])
}

function checkFile(unit: SourceUnit): readonly Violation[] {
  const lines = countLines(unit.text)
  if (lines <= CAPS.fileLines) return []
  return [{ rule: 'file lines', path: unit.path, detail: `${lines} of ${CAPS.fileLines}` }]
}

function checkFunctions(unit: SourceUnit): readonly Violation[] {
  return functionsOf(unit).flatMap((node) => {
    const at = { path: unit.path, line: lineOf(unit, node) }
    const [lines, nesting] = [functionLines(unit, node), nestingOf(node)]
    const faults: Violation[] = []
    if (lines > CAPS.functionLines) {
      const detail = `${nameOf(node)} has ${lines} of ${CAPS.functionLines}`
      faults.push({ ...at, rule: 'function lines', detail })
    }
    if (nesting > CAPS.nesting) {
      const detail = `${nameOf(node)} nests ${nesting} of ${CAPS.nesting}`
      faults.push({ ...at, rule: 'nesting', detail })
    }
    return faults
  })
}

/** Signatures without a body count too: an interface method is called like any other. */
function checkParameters(unit: SourceUnit): readonly Violation[] {
  return nodesOf(unit)
    .filter(ts.isFunctionLike)
    .map((node) => ({ node, count: node.parameters.filter((it) => !isThis(it)).length }))
    .filter(({ count }) => count > CAPS.parameters)
    .map(({ node, count }) => ({
      rule: 'parameters',
      path: unit.path,
      line: lineOf(unit, node),
      detail: `${count} of ${CAPS.parameters}`,
    }))
}

function isThis(parameter: ts.ParameterDeclaration | ts.JSDocParameterTag): boolean {
  return parameter.name.getText() === 'this'
}
