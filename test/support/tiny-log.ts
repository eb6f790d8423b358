import { fromUtf8, utf8 } from '../../src/base/bytes.ts'
import { createGroupCommit, type GroupCommit } from '../../src/storage/commit.ts'
import type { Finisher, Participant, Rows } from '../../src/storage/participant.ts'
import type { Key, Store } from '../../src/storage/store.ts'
import type { Clock } from '../../src/base/time.ts'

/** A log in miniature: a head that counts, and one row per entry. */
export interface TinyReceipt {
  readonly index: number
}

export const TINY_HEAD = 'head'

/** Each head is written once only, as with a real log, where every leaf is random. */
function tinyFinisher(name = 'a'): Finisher<string, TinyReceipt> {
  let heads = 0
  return {
    reads: [TINY_HEAD],
    finish: async (changes, rows) => {
      const size = sizeIn(rows.get(TINY_HEAD))
      heads += 1
      const head = utf8(`${size + changes.length} ${name}${heads}`)
      const entries = changes.map(
        ({ entry }, offset) => [tinyEntry(size + offset), utf8(entry)] as const,
      )
      return {
        put: [...entries, [TINY_HEAD, head]],
        receipts: changes.map((_, offset) => ({ index: size + offset })),
      }
    },
  }
}

/** A group over the store, on whose clock nobody has to wait. */
export function tinyGroup(
  store: Store,
  options: { readonly name?: string; readonly clock?: Clock } = {},
): GroupCommit<string, TinyReceipt> {
  const { name = 'a', clock = { now: () => 0, wait: async () => undefined } } = options
  return createGroupCommit({ store, clock, finisher: tinyFinisher(name) })
}

/** One operation: writes its name at the end of a row, at most once. */
export interface TinyOp {
  readonly id: string
  readonly row: Key
  readonly signal?: AbortSignal
  /** What the builder throws, if anything. */
  readonly fault?: () => unknown
}

/** An operation with a row of its own that tells whether it was applied. */
export function appendOp({ id, row, signal, fault }: TinyOp): Participant<string, string> {
  const operation = `o/${id}`
  return {
    reads: [row, operation],
    operationId: id,
    signal,
    build: (rows) => {
      const thrown = fault?.()
      if (thrown !== undefined) throw thrown
      if (textIn(rows, operation) === 'done') return { kind: 'done', value: id }
      const text = `${textIn(rows, row)}${id} `
      const put = [[row, utf8(text)] as const, [operation, utf8('done')] as const]
      return { kind: 'change', change: { put, del: [], entry: id }, value: id }
    },
    abandon: () => ({ put: [[operation, utf8('void')]], del: [], entry: `void ${id}` }),
  }
}

/** What the store holds: the entries of the log in order, and the rows that operations wrote. */
export interface TinyState {
  readonly size: number
  readonly log: readonly string[]
  readonly rows: { readonly [row: Key]: readonly string[] }
  /** Operations whose row says so. */
  readonly done: readonly string[]
}

export async function tinyState(store: Store): Promise<TinyState> {
  const [head] = await store.read([TINY_HEAD])
  const all = await store.scan('', { limit: 10_000 })
  const texts = all.map(([key, value]) => [key, fromUtf8(value) ?? ''] as const)
  const under = (prefix: Key): readonly (readonly [Key, string])[] =>
    texts.filter(([key]) => key.startsWith(prefix))
  return {
    size: sizeIn(head),
    log: under('e/').map(([, text]) => text),
    rows: Object.fromEntries(under('row/').map(([key, text]) => [key, text.trim().split(' ')])),
    done: under('o/').flatMap(([key, text]) => (text === 'done' ? [key.slice(2)] : [])),
  }
}

export function tinyEntry(index: number): Key {
  return `e/${String(index).padStart(6, '0')}`
}

function textIn(rows: Rows, key: Key): string {
  const value = rows.get(key)
  return value === undefined ? '' : (fromUtf8(value) ?? '')
}

function sizeIn(head: Uint8Array | undefined): number {
  return head === undefined ? 0 : Number.parseInt(fromUtf8(head) ?? '', 10)
}
