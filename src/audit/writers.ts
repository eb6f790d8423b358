import type { Key, Row } from '../storage/store.ts'
import { type WriterDeps, type WriterLogDeps, writerLog } from './writer.ts'

/** A writer's log and its size, as its head tells. */
export interface WriterSize {
  readonly writer: number
  /** Segments. */
  readonly size: number
}

/** What finding writers needs. */
export type WritersDeps = WriterLogDeps & Pick<WriterDeps, 'store'>

const PAGE = 64
const LAST_INDEX = 2 ** 48 - 1

/** The head rows of every writer that there ever was. */
export async function* writerHeads({
  store,
  keyspace,
}: Pick<WritersDeps, 'store' | 'keyspace'>): AsyncGenerator<{
  readonly writer: number
  readonly head: Uint8Array
}> {
  for (let first = 0; ; first += PAGE) {
    const numbers = Array.from({ length: PAGE }, (_, offset) => first + offset)
    const heads = await store.read(numbers.map((number) => keyspace.writer(number).head))
    for (const [offset, head] of heads.entries()) {
      if (head === undefined) return
      yield { writer: first + offset, head }
    }
  }
}

/**
 * The logs that have accesses under a token; every log, without one.
 *
 * @throws {@link ledger_inconsistent} when a head is not what was signed
 */
export async function findWriters(
  deps: WritersDeps,
  token: string | undefined,
): Promise<readonly WriterSize[]> {
  const heads = token === undefined ? writerHeads(deps) : headsUnder(deps, token)
  const sizes: WriterSize[] = []
  for await (const { writer, head } of heads) {
    const { range } = await writerLog(deps, writer).head(head)
    sizes.push({ writer, size: range.size })
  }
  return sizes
}

/** Leaps from writer to writer, whatever the number of rows under each. */
async function* headsUnder(
  { store, keyspace }: WritersDeps,
  token: string,
): ReturnType<typeof writerHeads> {
  const prefix = keyspace.accesses(token)
  let last = -1
  for (let after: Key | undefined; ; ) {
    const rows: readonly Row[] = await store.scan(prefix, { after, limit: 1 })
    const [key] = rows[0] ?? []
    if (key === undefined) return
    const writer = Number.parseInt(key.slice(prefix.length), 16)
    // A row that somebody forged may lie anywhere: it is passed by itself, and names no writer again.
    const isNext = writer > last && key.startsWith(keyspace.writerAccesses(token, writer))
    after = isNext ? keyspace.access(token, writer, LAST_INDEX) : key
    if (!isNext) continue
    last = writer
    const [head] = await store.read([keyspace.writer(writer).head])
    if (head !== undefined) yield { writer, head }
  }
}
