import { expectEqual, expectThat } from '../expect.ts'
import { keysUnder, numberIn } from '../rows.ts'
import { APPENDED, COUNTED, entryKey } from '../workloads.ts'
import type { StoreCase, Trial } from './case.ts'

/** What only other processes can show. */
export const PROCESS_CASES: readonly StoreCase[] = [
  { title: 'C27 two processes at once lose no update', needs: 'race', run: twoProcesses },
  { title: 'C31 ten killed processes lose nothing acknowledged', needs: 'kill', run: killed },
]

const KILLS = 10
const UPDATES = 500

async function twoProcesses({ store, race }: Trial): Promise<void> {
  await race(UPDATES)
  const [counted] = await store.read([COUNTED])
  expectEqual(numberIn(counted), 2 * UPDATES, 'the counter after both processes')
}

async function killed({ store, kill }: Trial): Promise<void> {
  let known = 0
  for (let turn = 1; turn <= KILLS; turn += 1) {
    await store.close()
    const acknowledged = await kill()
    expectThat(acknowledged > known, `the process of kill ${turn} got something acknowledged`)
    await store.open()
    const [appended] = await store.read([APPENDED])
    known = numberIn(appended)
    expectThat(known >= acknowledged, `kill ${turn} lost nothing acknowledged`)
    for (const half of ['a', 'b'] as const) {
      const expected = Array.from({ length: known }, (_, index) => entryKey(half, index + 1))
      expectEqual(await keysUnder(store, `${half}/`, 1_000), expected, `rows after kill ${turn}`)
    }
  }
}
