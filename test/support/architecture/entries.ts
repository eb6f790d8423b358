import ts from 'typescript'
import { isEntry } from './layers.ts'
import { lineOf, type SourceUnit, type Violation } from './model.ts'

/** An entry is the list of names it publishes, so that a diff of it is a diff of the API. */
export function checkEntries(units: readonly SourceUnit[]): readonly Violation[] {
  return units
    .filter((unit) => isEntry(unit.path))
    .flatMap((unit) =>
      unit.tree.statements
        .filter((statement) => !isNamedReExport(statement))
        .map((statement) => ({
          rule: 'entries',
          path: unit.path,
          line: lineOf(unit, statement),
          detail: 'an entry holds named re-exports only',
        })),
    )
}

function isNamedReExport(statement: ts.Statement): boolean {
  return (
    ts.isExportDeclaration(statement) &&
    statement.moduleSpecifier !== undefined &&
    statement.exportClause !== undefined &&
    ts.isNamedExports(statement.exportClause)
  )
}
