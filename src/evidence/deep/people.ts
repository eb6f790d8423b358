import { endOfTurn } from '../../base/platform.ts'
import { scanRows } from '../../storage/scan-rows.ts'
import type { Key, Row } from '../../storage/store.ts'
import type { ControllerFold } from './controller-fold.ts'
import type { Deep } from './deep.ts'
import { lookAtPerson } from './look-at-person.ts'
import type { Tally } from './tally.ts'

/** What looking at everybody leaves to be looked at. */
export interface PeopleFound {
  /** Who is erased, or being erased. */
  readonly fenced: ReadonlySet<string>
  /** Bodies that could not be opened, because their keys are not released to this process. */
  readonly withheld: number
}

const PAGE = 1_000
const ID_LENGTH = 32
const PERSON = /^[0-9a-f]{32}(?:\/|$)/

/** Holds every person against the log, and turns over what each should have elsewhere. */
export async function verifyPeople(
  deep: Deep,
  fold: ControllerFold,
  tally: Tally,
): Promise<PeopleFound> {
  const fenced = new Set<string>()
  let withheld = 0
  for await (const { id, rows } of groupPeople(deep)) {
    deep.options.signal?.throwIfAborted()
    const look = await lookAtPerson(deep, fold, { id, rows })
    for (const fault of look.faults) deep.report(fault)
    for (const index of look.leaves) deep.account(deep.of(id), index)
    for (const key of look.outside) tally.turn(key)
    if (look.faults.some(({ kind }) => kind === 'key_unavailable'))
      withheld += rows.filter(([key]) => key.startsWith(deep.keyspace.bodies(id))).length
    if (fold.rows.has(deep.nameOf(deep.keyspace.person(id)))) fenced.add(id)
    await endOfTurn()
  }
  return { fenced, withheld }
}

interface Group {
  readonly id: string
  readonly rows: Row[]
}

async function* groupPeople(deep: Deep): AsyncGenerator<Group> {
  const prefix = deep.keyspace.person('')
  let group: Group | undefined
  for await (const row of scanRows(deep.store, prefix, { page: PAGE })) {
    const id = idOf(row[0], prefix)
    if (id === undefined) {
      deep.report({ key: row[0], kind: 'row_unexpected' })
      continue
    }
    if (group?.id === id) group.rows.push(row)
    else {
      if (group !== undefined) yield group
      group = { id, rows: [row] }
    }
  }
  if (group !== undefined) yield group
}

function idOf(key: Key, prefix: Key): string | undefined {
  const rest = key.slice(prefix.length)
  return PERSON.test(rest) ? rest.slice(0, ID_LENGTH) : undefined
}
