import { isId } from '../../base/id.ts'
import { inPages } from '../../base/in-pages.ts'
import { ownerOf as sealedOwner } from '../../erasure/owned-rows.ts'
import { scanRows } from '../../storage/scan-rows.ts'
import type { Key, Row } from '../../storage/store.ts'
import type { ControllerFold } from './controller-fold.ts'
import type { Deep } from './deep.ts'
import { lookAtPerson } from './look-at-person.ts'
import type { Tally } from './tally.ts'

const PAGE = 1_000
/** Dates, tokens, holders, and ids of the app: rows of persons that are not under their prefix. */
export const OUTSIDE = ['d/', 't/', 'u/', 'y/'] as const

/**
 * Holds the rows of persons that are found by something else than their id against what the persons should
 * have. Whose these are is only asked of those that do not come out even.
 */
export async function verifyOutside(deep: Deep, fold: ControllerFold, tally: Tally): Promise<void> {
  for (const family of OUTSIDE) {
    for await (const [key] of rowsOf(deep, family)) tally.turn(key)
  }
  if (!tally.differs) return
  for (const family of OUTSIDE) {
    for await (const suspects of inPages(suspectsOf(deep, family, tally), PAGE))
      await rejectStrangers(deep, fold, suspects)
  }
}

async function* suspectsOf(deep: Deep, family: string, tally: Tally): AsyncGenerator<Row> {
  for await (const row of rowsOf(deep, family)) if (tally.isSuspect(row[0])) yield row
}

function rowsOf({ store, keyOf, options }: Deep, family: string): ReturnType<typeof scanRows> {
  return scanRows(store, keyOf(family), { page: PAGE, signal: options.signal })
}

async function rejectStrangers(
  deep: Deep,
  fold: ControllerFold,
  suspects: readonly Row[],
): Promise<void> {
  const byOwner = new Map<string, Key[]>()
  for (const row of suspects) {
    const owner = ownerOf(deep, row)
    if (owner === undefined) deep.report({ key: row[0], kind: 'row_unexpected' })
    else byOwner.set(owner, [...(byOwner.get(owner) ?? []), row[0]])
  }
  for (const [id, keys] of byOwner) {
    const { faults } = await lookAtPerson(deep, fold, { id, suspects: keys })
    const own = new Set(keys)
    for (const fault of faults) {
      if (fault.kind === 'row_unexpected' && own.has(fault.key ?? '')) deep.report(fault)
    }
  }
}

/** `t/<lookup>/<generation>/<token>/<id>/<record>`, `d/<ms>/<id>`, `y/<type>/<id>`; rows of `u/` say it inside. */
function ownerOf(deep: Deep, row: Row): string | undefined {
  const [family, ...parts] = deep.nameOf(row[0]).split('/')
  const id = family === 'u' ? sealedOwner(deep, row) : parts.at(family === 't' ? 3 : 1)
  return isId(id) ? id : undefined
}
