import { sameBytes } from '../base/bytes.ts'
import { PrivityError } from '../base/errors.ts'
import type { Rows } from '../storage/participant.ts'
import type { Key } from '../storage/store.ts'
import type { People } from './people.ts'
import type { Person } from './person.ts'

/** People as they were read: a change of somebody else may rest on them, if it finds them unchanged. */
export interface Witness {
  readonly people: readonly Person[]
  /** Rows to read and to hold in the commit. */
  readonly keys: readonly Key[]
  /** @throws {@link write_conflict} when one of them was changed since, or is gone */
  require(rows: Rows): void
}

/** Others may write the same people all the time. */
const LOOKS = 32

/**
 * Reads people, and runs what rests on them; again when one of them was changed meanwhile.
 *
 * @throws {@link not_found} · @throws {@link erased} when one of them is gone
 */
export async function withWitness<T>(
  people: People,
  ids: readonly string[],
  run: (witness: Witness) => Promise<T>,
): Promise<T> {
  for (let look = 1; ; look += 1) {
    const { witness, wasChanged } = await readWitness(people, ids)
    try {
      return await run(witness)
    } catch (error) {
      if (!wasChanged() || look === LOOKS) throw error
    }
  }
}

interface Watched {
  readonly witness: Witness
  /** Whether it was this that refused. */
  wasChanged(): boolean
}

async function readWitness(people: People, ids: readonly string[]): Promise<Watched> {
  const read = await Promise.all(ids.map((id) => people.read(id)))
  const persons = read.map(({ person }) => person)
  const keys = persons.map(({ id }) => people.deps.keyspace.person(id))
  let isChanged = false
  return {
    wasChanged: () => isChanged,
    witness: {
      people: persons,
      keys,
      require: (rows) => {
        isChanged = !keys.every((key, index) => {
          const row = rows.get(key)
          const before = persons[index]?.document
          return row !== undefined && before !== undefined && sameBytes(row, before)
        })
        if (isChanged) throw new PrivityError('write_conflict', { attempts: 1 })
      },
    },
  }
}
