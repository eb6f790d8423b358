import { systemClock } from '../base/time.ts'
import type { HookContext } from './hook.ts'

/** What a call of a hook came to. What it threw may hold what it was given, and goes no further. */
export type Answer<T> =
  | { readonly kind: 'answer'; readonly value: T }
  | { readonly kind: 'threw' }
  | { readonly kind: 'hung' }

/** A hook that has not answered by then has failed, for now; milliseconds. */
const PATIENCE = 30_000

/** Calls a hook, and tells it to stop when nobody waits for it any more. */
export async function attempt<T>(
  context: HookContext,
  call: (context: HookContext) => Promise<T>,
): Promise<Answer<T>> {
  const late = new AbortController()
  const timeout = systemClock()
    .wait(PATIENCE, late.signal)
    .then((): Answer<T> => ({ kind: 'hung' }))
  try {
    const signal = AbortSignal.any([context.signal, late.signal])
    const answer = answerOf(call({ ...context, signal }))
    return await Promise.race([answer, timeout])
  } catch {
    return { kind: 'threw' }
  } finally {
    late.abort()
    timeout.catch(() => undefined)
  }
}

async function answerOf<T>(value: Promise<T>): Promise<Answer<T>> {
  return { kind: 'answer', value: await value }
}
