/**
 * The suite of the testkit over the SQLite client that this runtime brings: bun:sqlite or node:sqlite.
 * Prints how many tests passed, and what did not.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sqliteStore } from 'privity/sqlite'
import { storeSuite } from 'privity/testkit'

const [name, connect] = await findClient()
const tests = []
storeSuite({
  test: (title, run) => tests.push({ title, run }),
  open: async () => openFile(),
  again: async ({ another }) => another(),
  residue: async ({ contents }) => contents(),
})

const failures = []
let passed = 0
for (const { title, run } of tests) {
  try {
    await run()
    passed += 1
  } catch (error) {
    failures.push(`${title}: ${error?.stack ?? error}`)
  }
}
console.log(JSON.stringify({ name, passed, failures }))

async function findClient() {
  if (globalThis.Bun !== undefined) {
    const { Database } = await import('bun:sqlite')
    return ['bun:sqlite', (path) => new Database(path)]
  }
  const { DatabaseSync } = await import('node:sqlite')
  return ['node:sqlite', (path) => new DatabaseSync(path)]
}

function openFile() {
  const folder = mkdtempSync(join(tmpdir(), 'privity-runtime-'))
  const file = join(folder, 'rows.db')
  const connections = []
  const another = () => {
    const connection = connect(file)
    connections.push(connection)
    return sqliteStore(connection)
  }
  return {
    store: another(),
    another,
    contents: () => ['', '-wal', '-shm', '-journal'].flatMap((end) => contentOf(file + end)),
    dispose: async () => {
      for (const connection of connections) connection.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function contentOf(path) {
  try {
    return [new Uint8Array(readFileSync(path))]
  } catch {
    return []
  }
}
