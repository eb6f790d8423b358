// What a binding of D1 talks to: batches of statements, over the SQLite of a durable object.

interface Env {
  readonly ROWS: {
    idFromName(name: string): object
    get(id: object): { fetch(request: Request): Promise<Response> }
  }
}

interface Cursor {
  readonly columnNames: readonly string[]
  raw(): Iterable<readonly unknown[]>
}

interface State {
  readonly storage: {
    readonly sql: { exec(sql: string, ...params: readonly unknown[]): Cursor }
    transactionSync<T>(run: () => T): T
  }
}

interface Query {
  readonly sql: string
  readonly params?: readonly unknown[]
}

export default {
  fetch: (request: Request, { ROWS }: Env): Promise<Response> =>
    ROWS.get(ROWS.idFromName('rows')).fetch(request),
}

/** One database. */
export class Rows {
  readonly #storage: State['storage']

  constructor({ storage }: State) {
    this.#storage = storage
  }

  async fetch(request: Request): Promise<Response> {
    const asked: Query | readonly Query[] = await request.json()
    try {
      const queries = Array.isArray(asked) ? asked : [asked]
      return Response.json(
        this.#storage.transactionSync(() => queries.map((query) => this.#run(query))),
      )
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error)
      return Response.json({ success: false, error: said }, { status: 500 })
    }
  }

  #run({ sql, params = [] }: Query): object {
    const bound = params.map((value) => (Array.isArray(value) ? Uint8Array.from(value) : value))
    const cursor = this.#storage.sql.exec(sql, ...bound)
    const rows = [...cursor.raw()].map((cells) => cells.map(toJson))
    return { success: true, results: { columns: cursor.columnNames, rows }, meta: {} }
  }
}

function toJson(cell: unknown): unknown {
  return cell instanceof ArrayBuffer ? [...new Uint8Array(cell)] : cell
}
