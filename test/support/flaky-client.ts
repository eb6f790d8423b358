import type {
  SqliteClient,
  SqliteParameter,
  SqliteStatement,
} from '../../src/adapters/sqlite/client.ts'

/** A connection whose calls can be made to fail, and which remembers them. */
export interface FlakyClient extends SqliteClient {
  /** The `call`-th call from now on throws, before or after the database has carried it out. */
  failAt(call: number, when: 'before' | 'after'): void
  /** Calls whose SQL has this text throw, so many times or until it is taken back with `undefined`. */
  failOn(text: string | undefined, error?: unknown, times?: number): void
  /** What the first cell of a query with this text is said to be. */
  pretend(text: string, cell: unknown): void
  /** SQL of all calls so far. */
  readonly ran: readonly string[]
}

interface State {
  readonly ran: string[]
  readonly pretended: Map<string, unknown>
  readonly failure: Error
  left: number
  when: 'before' | 'after'
  text: string | undefined
  error: unknown
  times: number
}

/** Wraps a connection; `failure` is what its driver would throw. */
export function flakyClient(client: SqliteClient, failure: Error): FlakyClient {
  const state: State = {
    ran: [],
    pretended: new Map(),
    failure,
    left: 0,
    when: 'before',
    text: undefined,
    error: undefined,
    times: 0,
  }
  const flaky: FlakyClient = {
    prepare: (sql) => flakyStatement(client.prepare(sql), sql, state),
    exec: (sql) => call(state, sql, () => client.exec(sql)),
    get inTransaction() {
      return (client.inTransaction ?? client.isTransaction) as boolean
    },
    failAt: (nth, when) => {
      state.left = nth
      state.when = when
    },
    failOn: (text, error = failure, times = Number.POSITIVE_INFINITY) => {
      state.text = text
      state.error = error
      state.times = times
    },
    pretend: (text, cell) => {
      state.pretended.set(text, cell)
    },
    ran: state.ran,
  }
  return flaky
}

function flakyStatement(statement: SqliteStatement, sql: string, state: State): SqliteStatement {
  function get(...parameters: SqliteParameter[]): unknown {
    return call(state, sql, () => {
      const row = statement.get(...parameters)
      const text = [...state.pretended.keys()].find((part) => sql.includes(part))
      return text === undefined ? row : { cell: state.pretended.get(text) }
    })
  }
  return {
    get,
    all: (...parameters) => call(state, sql, () => statement.all(...parameters)),
    run: (...parameters) => call(state, sql, () => statement.run(...parameters)),
  }
}

function call<T>(state: State, sql: string, run: () => T): T {
  state.ran.push(sql)
  if (state.text !== undefined && sql.includes(state.text) && state.times > 0) {
    state.times -= 1
    throw state.error
  }
  state.left -= 1
  if (state.left === 0 && state.when === 'before') throw state.failure
  const result = run()
  if (state.left === 0) throw state.failure
  return result
}
