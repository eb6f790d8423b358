import type { Store } from 'privity'
import type { MemoryData } from 'privity/memory'
import { decodeContainer, SECTION, type Section } from '../../src/storage/container.ts'
import { decodeKeyRow, listedKeys } from '../../src/subjects/key-row.ts'
import { acmeKeyspace as keyspace } from './key-stores.ts'
import type { Leaver } from './leavers.ts'

/** What was there of a person in the commit that put the fence. */
export interface Behind {
  readonly keys: number
  readonly rows: number
  readonly bodies: number
}

/** Looks at the rows of one person past the library, at every commit. */
export interface EraseWatch {
  follow(who: Leaver): void
  store(store: Store): Store
  /** Undefined until there is a fence. */
  readonly behind: Behind | undefined
  /** What happened behind the fence and must not. */
  readonly faults: readonly string[]
  /** What is left of the person, and of erasures, in any store. */
  left(): readonly string[]
  bodies(): number
}

const FENCE = 'a fence'
const CERTIFICATES = keyspace.certificate('')

export function eraseWatch(main: MemoryData, keys: MemoryData | undefined): EraseWatch {
  let who: Leaver | undefined
  let behind: Behind | undefined
  let faults: string[] = []
  const rowOf = (data: MemoryData | undefined): Uint8Array | undefined =>
    data?.rows.get(keyspace.person(who?.id ?? ''))
  const sections = (): readonly Section[] => decodeContainer(rowOf(main) ?? new Uint8Array(0)) ?? []
  const isFenced = (): boolean => sections().some(({ kind }) => kind === SECTION.fence)
  const bodies = (): number => under(main, keyspace.bodies(who?.id ?? '')).length
  function rows(): readonly string[] {
    const { id = '', external = '' } = who ?? {}
    const named = [...main.rows.keys()].filter((key) => key.includes(id))
    return [...named.filter((key) => key !== keyspace.person(id)), ...present(main, external)]
  }
  function look(): Behind {
    const row = keys === undefined ? undefined : decodeKeyRow(rowOf(keys))
    const ring = listedKeys(sections(), row)?.ring ?? []
    return { keys: ring.length, rows: rows().length, bodies: bodies() }
  }
  return {
    follow: (next) => {
      who = next
      behind = undefined
      faults = []
    },
    store: (store) => ({
      ...store,
      commit: async (batch) => {
        const { id = '', external = '' } = who ?? {}
        const wasFenced = isFenced()
        const isOwned = main.rows.has(external)
        await store.commit(batch)
        if (!wasFenced && isFenced()) behind = look()
        if (!wasFenced) return
        if (!isFenced()) faults.push('the fence is gone')
        // One who comes back may be in the very commit that destroys.
        const isTaken = isOwned && sections().length > 1
        for (const [key] of batch.put) {
          const isRow = key.includes(id) && key !== keyspace.person(id)
          if (isRow || (key === external && isTaken)) faults.push(`${familyOf(key)} was written`)
        }
      },
    }),
    get behind() {
      return behind
    },
    get faults() {
      return faults
    },
    bodies,
    left: () => {
      const kinds = sections().map(({ kind }) => (kind === SECTION.fence ? FENCE : 'a document'))
      const keyRow = keys === undefined ? undefined : decodeKeyRow(rowOf(keys))
      return [
        ...rows().map(familyOf),
        ...(kinds.join() === FENCE ? [] : kinds),
        ...(keyRow === undefined || keyRow.fence !== undefined ? [] : ['no fence before the keys']),
        ...(keyRow?.entries ?? []).map(() => 'a key'),
        ...certifiedIn(main).flatMap((id) => present(main, keyspace.job(id)).map(() => 'a job')),
      ]
    },
  }
}

/** Ids of the erasures that a store has a certificate of. */
export function certifiedIn(main: MemoryData): readonly string[] {
  return under(main, CERTIFICATES).map((key) => key.slice(CERTIFICATES.length))
}

function under({ rows }: MemoryData, prefix: string): readonly string[] {
  return [...rows.keys()].filter((key) => key.startsWith(prefix))
}

function present({ rows }: MemoryData, key: string): readonly string[] {
  return rows.has(key) ? [key] : []
}

function familyOf(key: string): string {
  return key.slice(keyspace.prefix.length).replaceAll(/[0-9a-f]{32}/g, '*')
}
