import { expectEqual, expectThat } from '../expect.ts'
import { keysUnder, numberIn } from '../rows.ts'
import { APPENDED, COUNTED, entryKey } from '../workloads.ts'
import type { StoreCase, Trial } from './case.ts'

/** What only other processes can show. */
export const PROCESS_CASES: readonly StoreCase[] = [
  { title: 'C27 two processes at once lose no update', needs: 'race', run: twoProcesses },
  {
    title: 'C28 all the contexts of the platform at once lose no update',
    needs: 'crowd',
    run: crowded,
  },
  { title: 'C31 processes that are killed lose nothing acknowledged', needs: 'kill', run: killed },
]

const UPDATES = 500
const CROWDED = 50

async function twoProcesses({ store, race }: Trial): Promise<void> {
  await race(UPDATES)
  const [counted] = await store.read([COUNTED])
  expectEqual(numberIn(counted), 2 * UPDATES, 'the counter after both processes')
}

async function crowded({ store, crowd }: Trial): Promise<void> {
  const contexts = await crowd(CROWDED)
  expectThat(contexts >= 3, 'there were three contexts or more')
  const [counted] = await store.read([COUNTED])
  expectEqual(numberIn(counted), contexts * CROWDED, 'the counter after all of them')
}

async function killed({ store, kill, kills }: Trial): Promise<void> {
  let known = 0
  for (let turn = 1; turn <= kills; turn += 1) {
    await store.close()
    const acknowledged = await kill()
    expectThat(acknowledged > known, `the process of kill ${turn} got something acknowledged`)
    await store.open()
    const [appended] = await store.read([APPENDED])
    known = numberIn(appended)
    expectThat(known >= acknowledged, `kill ${turn} left ${acknowledged} entries, not ${known}`)
    for (const half of ['a', 'b'] as const) {
      const expected = Array.from({ length: known }, (_, index) => entryKey(half, index + 1))
      expectEqual(await keysUnder(store, `${half}/`, 1_000), expected, `rows after kill ${turn}`)
    }
  }
}
