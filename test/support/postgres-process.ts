// Runs in a process of its own: `postgres-process.ts <client> <url> <table> append | open | count <times>`.
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { postgresStore } from '../../src/adapters/postgres.ts'
import { appendUntilKilled, countTogether } from '../../src/testkit/workloads.ts'
import { CLIENTS, type ClientKind, disconnect } from './postgres-clients.ts'

const [name, url = '', table = '', work, times] = process.argv.slice(2)
const client = CLIENTS[name as ClientKind['name']].connect(url)
const store = postgresStore(client, { table })

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
if (work === 'count') {
  await sayReady()
  await countTogether(store, Number(times))
}
await disconnect(client)
