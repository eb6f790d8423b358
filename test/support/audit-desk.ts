import { type MemoryData, memoryData, memoryStore } from '../../src/adapters/memory.ts'
import { type Audit, type AuditDeps, createAudit } from '../../src/audit/audit.ts'
import { type AuditFace, createAuditFace } from '../../src/audit/query.ts'
import type { Access } from '../../src/audit/segment.ts'
import { fromUtf8 } from '../../src/base/bytes.ts'
import { type ControllerKey, createControllerKey } from '../../src/keys/controller-key.ts'
import { createLedger } from '../../src/ledger/ledger.ts'
import { createKeyspace, type Keyspace } from '../../src/storage/keyspace.ts'
import type { Store } from '../../src/storage/store.ts'
import type { People } from '../../src/subjects/people.ts'
import { eagerClock, type FakeClock, fakeClock } from './acme.ts'
import { fixedKey } from './fixed-key.ts'
import { splitBody } from '../../src/ledger/entry.ts'

const DESK_ORIGIN = 'privity/00112233445566778899aabbccddeeff'
const STORE_ID = '00112233445566778899aabbccddeeff'

/** An audit over a store, with all that it needs and nothing else of an app. */
export interface Desk {
  readonly data: MemoryData
  readonly store: Store
  readonly keyspace: Keyspace
  readonly controller: ControllerKey
  readonly clock: FakeClock
  readonly deps: AuditDeps
  readonly audit: Audit
}

export interface DeskOptions {
  readonly mode?: 'strict' | 'deferred'
  readonly data?: MemoryData
  /** Instead of one over `data`. */
  readonly inner?: Store
  readonly store?: (inner: Store) => Store
  readonly clock?: FakeClock
  readonly instance?: string
}

let instances = 0

export async function openDesk(options: DeskOptions = {}): Promise<Desk> {
  instances += 1
  const { data = memoryData(), mode = 'strict', clock = fakeClock() } = options
  const inner = options.inner ?? memoryStore({ share: data })
  const store = options.store?.(inner) ?? inner
  await store.open()
  const keyspace = createKeyspace('0123456789abcdef')
  const controller = createControllerKey(new Uint8Array(32).fill(3), STORE_ID)
  const current = await fixedKey(1)
  const signers = { current, publicKeys: [current.publicKey], refresh: async () => undefined }
  const rows = { store, keyspace, clock, controller, signers, origin: DESK_ORIGIN }
  const deps: AuditDeps = {
    ...rows,
    ledger: createLedger(rows),
    instance: options.instance ?? `instance-${instances}`,
    mode,
  }
  return { data, store, keyspace, controller, clock, deps, audit: createAudit(deps) }
}

/** What the desk shows; people are known by their pseudonyms alone. */
export function faceOf({ deps, audit }: Desk): AuditFace {
  const read = async (id: string): Promise<unknown> => ({ person: { head: { pseudonym: id } } })
  const people = { deps, read } as unknown as People
  return createAuditFace({ people, audit, origin: DESK_ORIGIN })
}

/** A clock on which nobody waits, for desks that contend. */
export function busyClock(): FakeClock {
  return eagerClock()
}

/** An access that can be told from others by its task. */
export function access(task: string, rest: Partial<Access> = {}): Access {
  return {
    pseudonym: 'q83vASNFZ4mrze8BI0VniQ',
    actor: { id: 'staff:ida', roles: ['agent'] },
    purpose: 'support',
    action: 'read',
    record: 'contact',
    classes: [1],
    head: 3,
    at: 1_795_251_600_000,
    task,
    ...rest,
  }
}

/** One segment as it is stored, opened. */
export interface StoredSegment {
  readonly writer: number
  readonly index: number
  readonly entries: readonly {
    readonly task: string
    readonly salt: string
    readonly at: number
  }[]
  readonly bytes: Uint8Array
  readonly leaf: { readonly b: string; readonly s: string; readonly v: number }
}

/** Every segment of every writer, in order. */
export function storedSegments({ data, keyspace, controller }: Desk): readonly StoredSegment[] {
  const keys = [...data.rows.keys()].filter((key) => /\/w\/[0-9a-f]{4}\/s\//.test(key)).toSorted()
  return keys.map((key) => {
    const [writer = 0, index = 0] = key
      .split('/')
      .flatMap((part, at) => (at === 2 || at === 4 ? [Number.parseInt(part, 16)] : []))
    const bytes = controller.open(key, row(data, key))
    const leaf = row(data, keyspace.writer(writer).leaf(index))
    return {
      writer,
      index,
      bytes,
      entries: JSON.parse(fromUtf8(bytes) ?? ''),
      leaf: JSON.parse(fromUtf8(leaf) ?? ''),
    }
  })
}

/** The tasks of all accesses that are stored, in order. */
export function storedTasks(desk: Desk): readonly string[] {
  return storedSegments(desk).flatMap(({ entries }) => entries.map(({ task }) => task))
}

/** The notes of access logs that the main log holds, as writer and size. */
export function storedNotes({
  data,
  controller,
}: Desk): readonly { readonly writer: number; readonly size: number }[] {
  const keys = [...data.rows.keys()].filter((key) => /\/c\/e\//.test(key)).toSorted()
  return keys.flatMap((key) => {
    const { body } = splitBody(controller.open(key, row(data, key)))
    const { event } = JSON.parse(fromUtf8(body) ?? '')
    const [, size = ''] = event.note.split('\n')
    return event.type === 'access.noted' ? [{ writer: event.writer, size: Number(size) }] : []
  })
}

function row({ rows }: MemoryData, key: string): Uint8Array {
  const value = rows.get(key)
  if (value === undefined) throw new TypeError('a row that should be there is not')
  return value
}
