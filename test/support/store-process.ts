// Runs in a process of its own: `store-process.ts <driver> <file> append | scrub | open | reopen | count <times>`.
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { sqliteStore } from '../../src/adapters/sqlite.ts'
import type { Store } from '../../src/storage/store.ts'
import { appendUntilKilled, countTogether } from '../../src/testkit/workloads.ts'
import { BATCH_DRIVERS } from './batch-clients.ts'
import { DRIVERS, type Driver } from './sqlite-drivers.ts'

const [name, file = '', work, times] = process.argv.slice(2)
const store = connected()

function connected(): Store {
  return name === 'D1' || name === 'libSQL'
    ? sqliteStore(BATCH_DRIVERS[name].connect(file))
    : sqliteStore(DRIVERS[name as Driver['name']].connect(file))
}

async function sayReady(): Promise<void> {
  writeSync(1, 'ready\n')
  await once(process.stdin, 'data')
  process.stdin.destroy()
}

if (work === 'open') await sayReady()
await store.open()
if (work === 'append') {
  // Synchronous, so that what was acknowledged has left the process when it is killed.
  await appendUntilKilled(store, (entry) => writeSync(1, `${entry}\n`))
}
for (let turn = 1; work === 'reopen'; turn += 1) {
  writeSync(1, `${turn}\n`)
  const again = connected()
  await again.open()
  await again.close()
}
for (let turn = 1; work === 'scrub'; turn += 1) {
  writeSync(1, `${turn}\n`)
  await store.scrub?.()
}
if (work === 'count') {
  await sayReady()
  await countTogether(store, Number(times))
}
