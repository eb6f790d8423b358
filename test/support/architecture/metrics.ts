import { functionLines, functionsOf } from './functions.ts'
import { countLines, type SourceUnit, type Violation } from './model.ts'

export interface TreeMetrics {
  readonly files: number
  readonly medianFileLines: number
  readonly functions: number
  readonly functionP90: number
}

export const TARGETS = { medianFileLines: 130, functionP90: 30 } as const

export function measure(units: readonly SourceUnit[]): TreeMetrics {
  const files = units.map((unit) => countLines(unit.text))
  const functions = units.flatMap((unit) =>
    functionsOf(unit).map((node) => functionLines(unit, node)),
  )
  return {
    files: files.length,
    medianFileLines: quantile(files, 0.5),
    functions: functions.length,
    functionP90: quantile(functions, 0.9),
  }
}

export function checkMetrics(units: readonly SourceUnit[]): readonly Violation[] {
  const metrics = measure(units)
  const names = ['medianFileLines', 'functionP90'] as const
  return names
    .filter((name) => metrics[name] > TARGETS[name])
    .map((name) => ({
      rule: 'tree',
      path: 'src',
      detail: `${name} is ${metrics[name]}, the target ${TARGETS[name]}`,
    }))
}

/** The smallest value that at least the given share of the values does not exceed. */
function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
}
