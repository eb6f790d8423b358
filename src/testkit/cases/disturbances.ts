import { endOfTurn } from '../../base/platform.ts'
import { isPrivityError } from '../../base/errors.ts'
import { expectEqual, expectRejection, expectThat, rejectionOf } from '../expect.ts'
import {
  AFTER,
  BEFORE,
  CHANGE,
  expectHonest,
  expectReadError,
  expectRecovery,
  NOT_APPLIED,
} from '../outcomes.ts'
import { batch, expectRows, numberedKey, row, write } from '../rows.ts'
import type { Cut, StoreCase, Trial } from './case.ts'

/** What happens to a database: it must not be kept secret, and must not spread. */
export const DISTURBANCE_CASES: readonly StoreCase[] = [
  {
    title: 'C37 a connection cut in a commit is in doubt only where it may have applied',
    needs: 'cut',
    run: cutCommits,
  },
  {
    title: 'C38 a store without room refuses whole batches, and goes on later',
    needs: 'fill',
    run: full,
  },
  {
    title: 'C39 a store that hangs answers, one way or the other, later',
    needs: 'hang',
    run: hung,
  },
  {
    title: 'C41 whatever a failed read throws is a typed error',
    needs: 'failAt',
    run: failedReads,
  },
  {
    title: 'C49 a store that may only be read refuses to write',
    needs: 'readOnly',
    run: readsOnly,
  },
  { title: 'C50 a store whose data is deleted says so or goes on', needs: 'remove', run: removed },
  { title: 'C51 a store heals when its connection ends by itself', needs: 'cut', run: cutIdle },
  { title: 'C52 files of the database are for their owner only', needs: 'modes', run: modes },
]

/** Fills any database that was given a small room, 100 KB at a time. */
const MOST_FILLS = 2_000
const LUMP = 100_000
/** More calls than any adapter makes for one read. */
const MOST_CALLS = 50
const OTHERS = 0o077

async function cutCommits({ store, cut }: Trial): Promise<void> {
  for (const when of ['before', 'after'] as const satisfies readonly Cut[]) {
    await store.commit(batch({ put: BEFORE, del: ['c'] }))
    await cut(when)
    const error = await rejectionOf(store.commit(CHANGE))
    await expectRecovery(store, `a cut ${when} the commit`)
    const changed = await expectHonest(store, error, `a cut ${when} the commit`)
    if (changed) continue
    await store.commit(CHANGE)
    await expectRows(store, AFTER, 'rows of the same batch, sent again')
  }
}

async function cutIdle({ store, cut }: Trial): Promise<void> {
  await write(store, BEFORE)
  for (let turn = 1; turn <= 3; turn += 1) {
    await cut('now')
    await expectRecovery(store, `cut ${turn}`)
    await expectRows(store, BEFORE, `rows after cut ${turn}`)
  }
  await store.commit(CHANGE)
  await expectRows(store, AFTER, 'rows written after the cuts')
}

async function full({ store, fill }: Trial): Promise<void> {
  await write(store, BEFORE)
  const makeRoom = await fill()
  const lump = new Uint8Array(LUMP).fill(7)
  let filled = 0
  let error: unknown
  while (error === undefined && filled < MOST_FILLS) {
    const change = batch({ put: [[numberedKey('f/', filled), lump], row('last', String(filled))] })
    error = await rejectionOf(store.commit(change))
    if (error === undefined) filled += 1
  }
  expectThat(isPrivityError(error, 'store_full'), 'a store without room says store_full')
  const fillers = await store.scan('f/', { limit: 10_000 })
  expectEqual(fillers.length, filled, 'the batches that were acknowledged')
  const last = filled === 0 ? undefined : row('last', String(filled - 1))[1]
  expectEqual(await store.read(['last']), [last], 'the row beside the last of them')
  expectEqual((await store.read(['a', 'b', 'd'])).length, BEFORE.length, 'the rows before')
  await makeRoom()
  await store.commit(CHANGE)
  await store.commit(batch({ del: [...fillers.map(([key]) => key), 'last'] }))
  await expectRows(store, AFTER, 'rows written once there was room')
}

async function hung({ store, hang }: Trial): Promise<void> {
  await write(store, BEFORE)
  const end = await hang()
  let settled = false
  const outcome = rejectionOf(store.commit(CHANGE)).finally(() => {
    settled = true
  })
  const read = rejectionOf(store.read(['a']))
  for (let turn = 0; turn < 10 && !settled; turn += 1) await endOfTurn()
  await end()
  const [error, unread] = await Promise.all([outcome, read])
  if (unread !== undefined) expectReadError(unread, 'silence')
  await expectRecovery(store, 'silence')
  const changed = await expectHonest(store, error, 'silence')
  if (!changed) await store.commit(CHANGE)
  await expectRows(store, AFTER, 'rows after the silence')
}

async function failedReads({ store, failAt }: Trial): Promise<void> {
  await write(store, BEFORE)
  const calls = [() => store.read(['a', 'b']), () => store.scan('', { limit: 10 })]
  for (const call of calls) {
    let nth = 1
    while (nth <= MOST_CALLS && (await failsTyped({ store, failAt }, nth, call))) nth += 1
    expectThat(nth > 1, 'failAt makes the first call of a read fail')
    expectThat(nth <= MOST_CALLS, `a read ends within ${MOST_CALLS} calls`)
  }
}

async function failsTyped(
  { store, failAt }: Pick<Trial, 'store' | 'failAt'>,
  nth: number,
  call: () => Promise<unknown>,
): Promise<boolean> {
  failAt(nth, 'before')
  const error = await rejectionOf(call())
  failAt(0, 'before')
  await expectRows(store, BEFORE, `rows after call ${nth} of a read failed`)
  if (error !== undefined) expectReadError(error, `a failure of call ${nth}`)
  return error !== undefined
}

async function readsOnly({ store, readOnly }: Trial): Promise<void> {
  await write(store, BEFORE)
  const reader = await readOnly()
  const refused = await rejectionOf(reader.open())
  if (refused !== undefined) {
    expectThat(isPrivityError(refused, 'store_unavailable'), 'a refusal to open is typed')
  } else {
    await expectRows(reader, BEFORE, 'rows that may be read')
    await expectRejection(reader.commit(CHANGE), 'store_unavailable')
  }
  await expectRows(store, BEFORE, 'rows after an attempt to write')
}

async function removed({ store, remove }: Trial): Promise<void> {
  await write(store, BEFORE)
  await remove()
  const error = await rejectionOf(store.commit(batch({ put: [row('e', 'new')] })))
  if (error !== undefined) {
    const code = isPrivityError(error) ? error.code : 'no PrivityError'
    const typed = [...NOT_APPLIED, 'outcome_unknown', 'store_corrupt']
    expectThat(typed.includes(code), `${code} may follow a removal`)
    return
  }
  expectEqual(await store.read(['e']), [row('e', 'new')[1]], 'a row acknowledged after a removal')
}

async function modes({ store, modes: modesOf }: Trial): Promise<void> {
  await write(store, BEFORE)
  const found = await modesOf()
  expectThat(found.length > 0, 'the database keeps files')
  for (const mode of found) expectEqual(mode & OTHERS, 0, 'what others may do with a file')
}
