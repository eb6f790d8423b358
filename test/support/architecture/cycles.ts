import { importsOf, isRelative, targetOf } from './imports.ts'
import type { SourceUnit, Violation } from './model.ts'

type Graph = ReadonlyMap<string, readonly string[]>

/** Type imports count: a knot of types is as hard to read as one of values. */
export function checkCycles(units: readonly SourceUnit[]): readonly Violation[] {
  const graph = graphOf(units)
  const seen = new Set<string>()
  const violations: Violation[] = []
  for (const path of graph.keys()) {
    const cycle = seen.has(path) ? undefined : cycleThrough(graph, path)
    if (cycle === undefined) continue
    for (const member of cycle) seen.add(member)
    violations.push({ rule: 'cycles', path, detail: [...cycle, path].join(' -> ') })
  }
  return violations
}

function graphOf(units: readonly SourceUnit[]): Graph {
  return new Map(
    units.map((unit) => [
      unit.path,
      importsOf(unit)
        .filter(({ specifier }) => isRelative(specifier))
        .map(({ specifier }) => targetOf(unit, specifier)),
    ]),
  )
}

/** Breadth first, so that the shortest way back to the start is the one reported. */
function cycleThrough(graph: Graph, start: string): readonly string[] | undefined {
  const cameFrom = new Map<string, string>()
  const queue = [start]
  for (const path of queue) {
    for (const next of graph.get(path) ?? []) {
      if (next === start) return trail(cameFrom, path, start)
      if (cameFrom.has(next)) continue
      cameFrom.set(next, path)
      queue.push(next)
    }
  }
  return undefined
}

function trail(
  cameFrom: ReadonlyMap<string, string>,
  end: string,
  start: string,
): readonly string[] {
  const path = [end]
  for (let at = end; at !== start; ) {
    at = cameFrom.get(at) ?? start
    path.unshift(at)
  }
  return path
}
