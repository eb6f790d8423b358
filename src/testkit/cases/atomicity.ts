import { expectRejection, expectThat, rejectionOf } from '../expect.ts'
import { AFTER, BEFORE, CHANGE, expectHonest } from '../outcomes.ts'
import { batch, expectRows, write } from '../rows.ts'
import type { StoreCase, Trial } from './case.ts'

/** A batch is applied as a whole, or nothing of it is. */
export const ATOMICITY_CASES: readonly StoreCase[] = [
  { title: 'C12 puts, removals and checks of one batch happen together', run: together },
  { title: 'C13 one check that fails leaves every row as it was', run: failingCheck },
  {
    title: 'C14 a failure anywhere inside a commit leaves all or nothing',
    needs: 'failAt',
    run: faults,
  },
]

/** More calls than any adapter makes for three rows. */
const MOST_CALLS = 200

async function together({ store }: Trial): Promise<void> {
  await write(store, BEFORE)
  await store.commit(CHANGE)
  await expectRows(store, AFTER, 'rows after the batch')
}

async function failingCheck({ store }: Trial): Promise<void> {
  await write(store, BEFORE)
  for (const [at, [key, held]] of CHANGE.checks.entries()) {
    const wrong = [key, held === null ? new Uint8Array([1]) : null] as const
    const checks = CHANGE.checks.map((check, index) => (index === at ? wrong : check))
    await expectRejection(store.commit({ ...CHANGE, checks }), 'write_conflict')
    await expectRows(store, BEFORE, `rows after check ${at} failed`)
  }
  await store.commit(CHANGE)
  await expectRows(store, AFTER, 'rows after the same batch with checks that hold')
}

async function faults(trial: Trial): Promise<void> {
  for (const when of ['before', 'after'] as const) {
    let call = 1
    while (call <= MOST_CALLS && (await failsWhole(trial, call, when))) call += 1
    expectThat(call > 1, 'failAt makes the first call of a commit fail')
    expectThat(call <= MOST_CALLS, `a commit ends within ${MOST_CALLS} calls`)
  }
}

/** Tries one commit whose `call`-th call fails; says whether it was refused. */
async function failsWhole(
  { store, failAt }: Trial,
  call: number,
  when: 'before' | 'after',
): Promise<boolean> {
  await store.commit(batch({ put: BEFORE, del: ['c'] }))
  failAt(call, when)
  const error = await rejectionOf(store.commit(CHANGE))
  failAt(0, when)
  await expectHonest(store, error, `a failure of call ${call}`)
  return error !== undefined
}
