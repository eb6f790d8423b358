import { isPrivityError } from '../../base/errors.ts'
import type { Fault } from '../../ledger/verify-log.ts'
import { scanRows } from '../../storage/scan-rows.ts'
import type { Key, Row } from '../../storage/store.ts'
import type { ControllerFold } from './controller-fold.ts'
import { type Deep, digestOf, readAll } from './deep.ts'
import { type Expectation, expectPerson, type FoundPerson } from './expect-person.ts'
import { sameRow } from '../../storage/same-row.ts'

/** What was found about one person. */
export interface PersonLook {
  readonly faults: readonly Fault[]
  /** Leaves whose bodies are there and say what they commit to. */
  readonly leaves: readonly number[]
  /** Rows elsewhere that should be there: tokens, holders, the app's own id. */
  readonly outside: readonly Key[]
}

/** Whom to look at. */
export interface PersonAsk {
  readonly id: string
  /** What a scan just met, in order; scanned for if absent. */
  readonly rows?: readonly Row[]
  /** Rows elsewhere that would be this person's, and may be nobody's. */
  readonly suspects?: readonly Key[]
}

interface Look extends PersonLook {
  /** Nobody changed the person while all this was read. */
  readonly steady: boolean
}

const PAGE = 1_000
/** One more than anybody needs whose rows are not written all the time. */
const LOOKS = 50

/**
 * Holds a person against the log. What does not fit is looked at again until nothing changed meanwhile; if it
 * never stops changing, what every single look found.
 */
export async function lookAtPerson(
  deep: Deep,
  fold: ControllerFold,
  { id, rows, suspects = [] }: PersonAsk,
): Promise<PersonLook> {
  let lasting: readonly Fault[] | undefined
  for (let looks = 1; ; looks += 1) {
    deep.options.signal?.throwIfAborted()
    const met = (looks === 1 ? rows : undefined) ?? (await personRows(deep, id))
    const look = await tryLook(deep, fold, { id, rows: met, suspects })
    if (look === undefined) continue
    if (look.faults.length === 0) return look
    if (look.steady && (await isAsFolded(deep, fold, id))) return look
    lasting = lasting === undefined ? look.faults : inBoth(lasting, look.faults)
    if (looks >= LOOKS) return { ...look, faults: lasting }
  }
}

async function personRows({ store, keyspace }: Deep, id: string): Promise<readonly Row[]> {
  const rows: Row[] = []
  // Ids are of one length: the prefix of the document is that of nobody else.
  for await (const row of scanRows(store, keyspace.person(id), { page: PAGE })) rows.push(row)
  return rows
}

/**
 * A request to be erased that is cancelled puts back the very document that was there before it: only the log tells that
 * the person was fenced in between, and what was folded of that belongs to none of what was read.
 */
async function isAsFolded(deep: Deep, fold: ControllerFold, id: string): Promise<boolean> {
  const name = deep.nameOf(deep.keyspace.person(id))
  const folded = fold.rows.get(name)
  await fold.advance()
  return fold.rows.get(name) === folded
}

/** Undefined when the keys were overwritten meanwhile, because somebody erases the person. */
async function tryLook(
  deep: Deep,
  fold: ControllerFold,
  ask: Required<PersonAsk>,
): Promise<Look | undefined> {
  try {
    return await look(deep, fold, ask)
  } catch (error) {
    if (isPrivityError(error, 'erased')) return undefined
    throw error
  }
}

async function look(
  deep: Deep,
  fold: ControllerFold,
  { id, rows, suspects }: Required<PersonAsk>,
): Promise<Look> {
  const key = deep.keyspace.person(id)
  const [first, ...others] = rows
  const document = first?.[0] === key ? first[1] : undefined
  const found = { id, document, rows: document === undefined ? rows : others }
  const expected = await expectPerson(deep, fold, found)
  const beside = await lookBeside(deep, expected, { ...found, suspects })
  return {
    ...beside,
    faults: [...expected.faults, ...compare(deep, expected, found), ...beside.faults],
  }
}

/** The rows under the person's own prefix. */
function compare(
  deep: Deep,
  { rows: expected, settled }: Expectation,
  { id, document, rows }: FoundPerson,
): readonly Fault[] {
  if (expected === undefined) return []
  const key = deep.keyspace.person(id)
  const found = document === undefined ? rows : [[key, document] as const, ...rows]
  const faults: Fault[] = []
  const met = new Set<string>()
  for (const [row, value] of found) {
    const name = deep.nameOf(row)
    met.add(name)
    if (settled.has(row)) continue
    const digest = expected.get(name)
    if (digest === undefined) faults.push({ key: row, kind: 'row_unexpected' })
    else if (digest !== digestOf(value)) faults.push({ key: row, kind: 'row_changed' })
  }
  for (const name of expected.keys()) {
    if (isOwn(deep, id, name) && !met.has(name))
      faults.push({ key: deep.keyOf(name), kind: 'row_missing' })
  }
  return faults
}

function isOwn({ keyspace, keyOf }: Deep, id: string, name: string): boolean {
  return keyOf(name).startsWith(keyspace.person(id))
}

/** Rows elsewhere, the leaves, and the document once more: the last, so that it speaks for all of them. */
async function lookBeside(
  deep: Deep,
  { rows, leaves }: Expectation,
  { id, document, suspects }: FoundPerson & Required<Pick<PersonAsk, 'suspects'>>,
): Promise<Look> {
  const outside = [...(rows ?? [])].filter(([name]) => !isOwn(deep, id, name))
  const known = new Set(outside.map(([name]) => deep.keyOf(name)))
  const strangers = rows === undefined ? [] : suspects.filter((key) => !known.has(key))
  const { leaf } = deep.of(id).keys
  const values = await readAll(deep, [
    ...known,
    ...strangers,
    ...leaves.map(({ index }) => leaf(index)),
    deep.keyspace.person(id),
  ])
  const faults: Fault[] = []
  outside.forEach(([name, digest], at) => {
    const value = values[at]
    if (value !== undefined && digestOf(value) === digest) return
    faults.push({
      key: deep.keyOf(name),
      kind: value === undefined ? 'row_missing' : 'row_changed',
    })
  })
  strangers.forEach((key, at) => {
    if (values[outside.length + at] !== undefined) faults.push({ key, kind: 'row_unexpected' })
  })
  const held: number[] = []
  leaves.forEach(({ key, index, leaf }, at) => {
    if (sameRow(values[outside.length + strangers.length + at], leaf)) held.push(index)
    else faults.push({ index: BigInt(index), key, kind: 'body_mismatch' })
  })
  return { faults, leaves: held, outside: [...known], steady: sameRow(values.at(-1), document) }
}

function inBoth(some: readonly Fault[], others: readonly Fault[]): readonly Fault[] {
  return some.filter((one) =>
    others.some(
      ({ kind, key, index }) => kind === one.kind && key === one.key && index === one.index,
    ),
  )
}
