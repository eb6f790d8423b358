import { invalidInput } from '../base/errors.ts'
import type { ErasureHook } from './hook.ts'

/** What decides when a hook runs. */
type Placed = Pick<ErasureHook, 'id' | 'needsPlaintext' | 'dependsOn'>

/**
 * Puts every hook behind those that it depends on, and else leaves the order as it is. Pure.
 *
 * @throws {@link invalid_input} `unknown_hook`, `cycle`, or `runs_later` where a hook that runs before the keys
 * go depends on one that runs after
 */
export function orderHooks<H extends Placed>(hooks: readonly H[]): readonly H[] {
  const known = new Map(hooks.map((hook) => [hook.id, hook]))
  hooks.forEach((hook, index) => {
    checkDependencies(known, hook, index)
  })
  const placed = new Set<string>()
  const ordered: H[] = []
  while (ordered.length < hooks.length) {
    const next = hooks.find(
      ({ id, dependsOn = [] }) => !placed.has(id) && dependsOn.every((one) => placed.has(one)),
    )
    if (next === undefined) throw invalidInput(['hooks'], 'cycle')
    placed.add(next.id)
    ordered.push(next)
  }
  return ordered
}

function checkDependencies<H extends Placed>(
  known: ReadonlyMap<string, H>,
  { needsPlaintext, dependsOn = [] }: H,
  index: number,
): void {
  dependsOn.forEach((id, at) => {
    const path = ['hooks', index, 'dependsOn', at]
    const other = known.get(id)
    if (other === undefined) throw invalidInput(path, 'unknown_hook')
    if (needsPlaintext === true && other.needsPlaintext !== true)
      throw invalidInput(path, 'runs_later')
  })
}
