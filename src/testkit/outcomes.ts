import { isPrivityError } from '../base/errors.ts'
import { endOfTurn } from '../base/platform.ts'
import type { Batch, Row, Store } from '../storage/store.ts'
import { expectEqual, expectThat, rejectionOf } from './expect.ts'
import { batch, row } from './rows.ts'

/** Rows before a change that a case disturbs. */
export const BEFORE: readonly Row[] = [row('a', 'old'), row('b', 'old'), row('d', 'stays')]
/** The same rows after it. */
export const AFTER: readonly Row[] = [row('a', 'new'), row('c', 'new'), row('d', 'stays')]
/** Writes, removes and checks; it leads from the one to the other. */
export const CHANGE: Batch = batch({
  checks: [row('a', 'old'), row('b', 'old'), ['c', null]],
  put: [row('a', 'new'), row('c', 'new')],
  del: ['b'],
})

/** Codes that say "provably not applied". */
export const NOT_APPLIED: readonly string[] = ['store_unavailable', 'store_full', 'store_closed']
const PERHAPS: readonly string[] = ['outcome_unknown', 'store_corrupt']
/** A read changes nothing, so nothing about it is in doubt. */
const READ_CODES: readonly string[] = ['store_unavailable', 'store_closed', 'store_corrupt']
/** Failed calls after which a store is closed and opened, and after which it is given up. */
const PATIENT_CALLS = 3
const MOST_CALLS = 20

/**
 * Passes if all or nothing of the change is there, and what its commit said is true. Says whether
 * it is there.
 */
export async function expectHonest(store: Store, error: unknown, what: string): Promise<boolean> {
  const rows = await store.scan('', { limit: 10 })
  const changed = rows.some(([key]) => key === 'c')
  expectEqual(rows, changed ? AFTER : BEFORE, `rows after ${what}`)
  if (error === undefined) {
    expectThat(changed, `a commit that resolved in spite of ${what} was applied`)
    return changed
  }
  expectThat(isPrivityError(error), `what ${what} leads to is a PrivityError`)
  const code = isPrivityError(error) ? error.code : ''
  expectThat([...NOT_APPLIED, ...PERHAPS].includes(code), `${code} may follow ${what}`)
  expectThat(
    !(changed && NOT_APPLIED.includes(code)),
    `${code} is only said if nothing was applied`,
  )
  return changed
}

/** Passes if a read that failed says so in the words of the contract. */
export function expectReadError(error: unknown, what: string): void {
  expectThat(isPrivityError(error), `what ${what} leads to is a PrivityError`)
  if (!isPrivityError(error)) return
  expectThat(READ_CODES.includes(error.code), `${error.code} may follow ${what}`)
  expectThat(error.cause === undefined, `${error.code} keeps no cause`)
}

/** Passes if the store answers again, by itself or once it was closed and opened. */
export async function expectRecovery(store: Store, what: string): Promise<void> {
  for (let call = 1; call <= MOST_CALLS; call += 1) {
    const error = await rejectionOf(store.read(['a']))
    if (error === undefined) return
    expectReadError(error, what)
    if (call > PATIENT_CALLS) await reopen(store)
    await endOfTurn()
  }
  throw new TypeError(`the store never answered again after ${what}`)
}

async function reopen(store: Store): Promise<void> {
  await rejectionOf(store.close())
  await rejectionOf(store.open())
}
