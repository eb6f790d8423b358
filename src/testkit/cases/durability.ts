import type { Store } from '../../storage/store.ts'
import { expectEqual } from '../expect.ts'
import { expectRecovery } from '../outcomes.ts'
import { batch, expectRows, keysUnder, numbered, row, write } from '../rows.ts'
import type { StoreCase, Trial } from './case.ts'

/** What was acknowledged is there, whatever happens next. */
export const DURABILITY_CASES: readonly StoreCase[] = [
  {
    title: 'C30 what a commit wrote is there for a store that is opened when it resolves',
    needs: 'again',
    run: foundByOthers,
  },
  {
    title: 'C32 processes killed while they open the store leave it usable',
    needs: 'killDuring',
    unopened: true,
    run: killedOpenings,
  },
  {
    title: 'C34 a database that is stopped without warning loses nothing',
    needs: 'restart',
    run: restarted,
  },
  {
    title: 'C35 the durability reported is the one of this configuration',
    needs: 'durability',
    unopened: true,
    run: level,
  },
]

const TURNS = 10
const KILLS = 5
const RESTARTS = 3

async function foundByOthers({ store, again }: Trial): Promise<void> {
  for (let turn = 1; turn <= TURNS; turn += 1) {
    await store.commit(batch({ put: [row('a', String(turn)), row('b', String(turn))] }))
    const other = await again()
    await expectRows(other, [row('a', String(turn)), row('b', String(turn))], `turn ${turn}`)
    await other.close()
  }
}

async function killedOpenings({ store, killDuring }: Trial): Promise<void> {
  for (let turn = 1; turn <= KILLS; turn += 1) {
    await killDuring('open')
    await store.open()
    const [before] = await store.read(['a'])
    expectEqual(before, turn === 1 ? undefined : row('a', String(turn - 1))[1], `kill ${turn}`)
    await store.commit(batch({ put: [row('a', String(turn))] }))
    await store.close()
  }
}

async function restarted({ store, restart }: Trial): Promise<void> {
  for (let turn = 1; turn <= RESTARTS; turn += 1) {
    const rows = numbered(`${turn}/`, 100)
    await write(store, rows)
    await restart()
    await expectRecovery(store, 'a restart')
    await expectThere(store, turn)
  }
}

async function expectThere(store: Store, turns: number): Promise<void> {
  const keys = await keysUnder(store, '', 1_000)
  expectEqual(keys.length, turns * 100, `rows after restart ${turns}`)
}

async function level({ store, durability }: Trial): Promise<void> {
  const { durability: reported } = await store.open()
  expectEqual(reported, durability(), 'the durability reported')
}
