import pg from 'pg'
import postgres from 'postgres'
import { isPGlite, isPgPool, type PostgresClient } from '../../src/adapters/postgres/client.ts'

/** One of the clients that the adapter accepts. */
export interface ClientKind {
  readonly name: 'pg' | 'postgres.js'
  connect(url: string): PostgresClient
}

const CONNECTIONS = 10

/** Clients of a server. */
export const CLIENTS: { readonly [N in ClientKind['name']]: ClientKind } = {
  pg: {
    name: 'pg',
    connect: (url) => new pg.Pool({ connectionString: url, max: CONNECTIONS }),
  },
  'postgres.js': {
    name: 'postgres.js',
    connect: (url) => postgres(url, { max: CONNECTIONS, onnotice: () => undefined }),
  },
}

let tables = 0

/** A name that no other test uses. */
export function freshTable(): string {
  tables += 1
  return `rows_${process.pid}_${tables}`
}

/** Closes a client of any kind. */
export async function disconnect(client: PostgresClient): Promise<void> {
  if (isPGlite(client)) await client.close()
  else if (isPgPool(client)) await client.end()
  else await client.end({ timeout: 1 })
}

/** Runs one statement as the app might. */
export async function sqlOf(client: PostgresClient, text: string): Promise<readonly unknown[]> {
  if (isPGlite(client)) return (await client.query(text)).rows
  if (!isPgPool(client)) return [...(await client.unsafe(text, []).raw())]
  const connection = await client.connect()
  try {
    return (await connection.query({ text, rowMode: 'array' })).rows
  } finally {
    connection.release()
  }
}
