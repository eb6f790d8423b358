// Runs in a process of its own: `store-process.ts <driver> <file> append | count <times>`.
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { sqliteStore } from '../../src/adapters/sqlite.ts'
import { appendUntilKilled, countTogether } from '../../src/testkit/workloads.ts'
import { DRIVERS, type Driver } from './sqlite-drivers.ts'

const [name, file = '', work, times] = process.argv.slice(2)
const driver = DRIVERS[name as Driver['name']]
const store = sqliteStore(driver.connect(file))

await store.open()
if (work === 'append') {
  // Synchronous, so that what was acknowledged has left the process when it is killed.
  await appendUntilKilled(store, (entry) => writeSync(1, `${entry}\n`))
}
writeSync(1, 'ready\n')
await once(process.stdin, 'data')
await countTogether(store, Number(times))
process.stdin.destroy()
