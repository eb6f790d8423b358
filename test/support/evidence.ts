import { toVerifierKey } from '../../src/crypto/note.ts'
import { hmacSha256 } from '../../src/crypto/hash.ts'
import { memoryStore } from '../../src/adapters/memory.ts'
import { exportEvidence } from '../../src/evidence/export.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { encodeLeaf } from '../../src/ledger/entry.ts'
import { createKeyspace } from '../../src/storage/keyspace.ts'
import type { Store } from '../../src/storage/store.ts'
import { START } from './acme.ts'
import { fixedKey } from './fixed-key.ts'
import { FIXED_ORIGIN, fixedLog } from './fixed-log.ts'

/** A log by itself, without people. */
export interface BareLog {
  readonly store: Store
  readonly keys: readonly string[]
  /** Rows by which the log grows by so many leaves. */
  grow(count: number): Promise<void>
  export(options?: unknown): AsyncIterable<Uint8Array>
}

const KEYSPACE = createKeyspace('0123456789abcdef')
const BATCH = 1_000

/** The leaf of an entry of nobody. */
export function leafOf(index: number): Uint8Array {
  const digest = (label: string): Uint8Array =>
    hmacSha256(new Uint8Array(32), new TextEncoder().encode(`${label} ${index}`))
  return encodeLeaf(() => digest('tag'), 1, digest('body'))
}

/** Opens an empty log in memory that is signed by {@link fixedKey} `seed`. */
export async function bareLog(): Promise<BareLog> {
  const store = memoryStore()
  await store.open()
  const log = await fixedLog(KEYSPACE.log)
  const current = await fixedKey(1)
  const publicKey = current.publicKey
  let head = await log.head(undefined)
  const signing = {
    current,
    publicKeys: [publicKey],
    clock: { key: current },
    retired: { note: [], jws: [], clock: [] },
    jwks: { keys: [] },
  }
  const main = {
    number: 0,
    log,
    head: async () => log.head((await store.read([KEYSPACE.log.head]))[0]),
  }
  const ledger = {
    ...main,
    shards: [main],
    drain: async () => undefined,
    signers: signing,
    generation: 0,
  }
  async function commit(leaves: readonly Uint8Array[]): Promise<void> {
    const appended = await log.append(head, { leaves, at: START, state: {} })
    const limit = store.limits.maxOps
    for (let at = 0; at < appended.put.length; at += limit)
      await store.commit({ checks: [], put: appended.put.slice(at, at + limit), del: [] })
    head = appended.head
  }
  await commit([])
  return {
    store,
    keys: [toVerifierKey({ name: FIXED_ORIGIN, publicKey })],
    grow: async (count) => {
      const end = head.range.size + count
      while (head.range.size < end) {
        const from = head.range.size
        const length = Math.min(BATCH, end - from)
        await commit(Array.from({ length }, (_, offset) => leafOf(from + offset)))
      }
    },
    export: (options) =>
      exportEvidence(
        {
          store,
          keyspace: KEYSPACE,
          // Exactly what an export of a log without people touches.
          ledger: ledger as unknown as Ledger,
          signing: signing as never,
          controller: undefined as never,
          people: undefined,
          clock: { now: () => START, wait: async () => undefined },
          origin: FIXED_ORIGIN,
        },
        options,
      ),
  }
}
