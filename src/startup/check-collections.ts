import { type InputIssue, PrivityError, safePath } from '../base/errors.ts'
import type { ErasureHook } from '../erasure/hook.ts'
import { compilePolicy } from '../policy/compile.ts'

/**
 * Holds the hooks against what the policy says is kept elsewhere: each collection has its hook, and each hook a
 * collection. A policy that says nothing of collections takes any hooks.
 *
 * @throws {@link invalid_input} with every one that is missing
 */
export function checkCollections(policy: object, hooks: readonly ErasureHook[]): void {
  const { collections } = compilePolicy(policy)
  if (collections === undefined) return
  const installed = new Set(hooks.map(({ id }) => id))
  const named = [...collections].flatMap(([name, { hook }]) =>
    hook === undefined ? [] : [{ name, hook }],
  )
  const issues: readonly InputIssue[] = [
    ...named
      .filter(({ hook }) => !installed.has(hook))
      .map(({ name }) => toIssue(['policy', 'collections', name, 'hook'], 'not_installed')),
    ...hooks
      .filter(({ id }) => !named.some(({ hook }) => hook === id))
      .map(({ id }) => toIssue(['hooks', id], 'not_declared')),
  ]
  if (issues.length > 0) throw new PrivityError('invalid_input', { issues })
}

function toIssue(path: readonly string[], code: string): InputIssue {
  return { path: safePath(path), code }
}
