import { startPostgres } from './postgres-server.ts'

/** Where journeys find PostgreSQL. */
export interface PostgresAddress {
  readonly url: string
}

/** The server of the environment where it names one, else one of our own. */
export async function startPostgresEngine(): Promise<{
  readonly address: PostgresAddress
  end(): Promise<void>
}> {
  const url = process.env['PRIVITY_PG_URL']
  if (url !== undefined) return { address: { url }, end: async () => undefined }
  // What a crash of the machine loses is no matter of journeys; two workers with ten connections each.
  const server = await startPostgres({ settings: ['fsync=off', 'max_connections=200'] })
  return { address: { url: server.url }, end: () => server.dispose() }
}
