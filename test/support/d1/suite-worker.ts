// A Worker: runs cases of the store suite over the D1 that it is bound to.
import type { D1Client } from 'privity/sqlite'
import { sqliteStore } from 'privity/sqlite'
import { type OpenedStore, type StoreSuite, storeSuite } from 'privity/testkit'
import { type Failure, flakyBatches } from '../flaky-batches.ts'

interface Env {
  readonly DB: D1Client
}

interface OpenedDatabase extends OpenedStore {
  readonly failure: Failure
}

type Test = StoreSuite<OpenedDatabase>['test']

export default {
  /** GET gives the titles of the cases, POST runs the one that it names. */
  fetch: async (request: Request, { DB }: Env): Promise<Response> => {
    const cases = new Map<string, () => Promise<void>>()
    registerCases((title, run) => cases.set(title, run), DB)
    if (request.method === 'GET') return Response.json([...cases.keys()])
    const run = cases.get(await request.text())
    if (run === undefined) return new Response('no such case', { status: 404 })
    try {
      await run()
      return new Response('')
    } catch (error) {
      return new Response(error instanceof Error ? `${error.message}\n${error.stack}` : '', {
        status: 500,
      })
    }
  },
}

function registerCases(test: Test, database: D1Client): void {
  storeSuite<OpenedDatabase>({
    test,
    durability: 'process-crash',
    open: async () => {
      await drop(database, 'IF EXISTS')
      const failure: Failure = { left: 0, when: 'before' }
      return {
        failure,
        store: sqliteStore(flakyBatches(database, failure)),
        dispose: () => drop(database, 'IF EXISTS'),
      }
    },
    again: async () => sqliteStore(database),
    failAt: ({ failure }, call, when) => {
      failure.left = call
      failure.when = when
    },
    remove: () => drop(database, ''),
  })
}

async function drop(database: D1Client, when: 'IF EXISTS' | ''): Promise<void> {
  await database.batch([database.prepare(`DROP TABLE ${when} privity_rows`)])
}
