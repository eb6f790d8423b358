import { chunksOf } from '../../base/chunks-of.ts'
import { scanRows } from '../../storage/scan-rows.ts'
import type { Key } from '../../storage/store.ts'
import type { ControllerFold } from './controller-fold.ts'
import { type Deep, digestOf } from './deep.ts'

const PAGE = 200
/** Names that are read at once, beside the head. */
const DOUBTS = 5_000
const FAMILIES = ['c/', 'k/'] as const
const BODIES = 'c/e/'
const UNLOGGED = 'c/q/'

/** Holds the controller's rows, and fences that nobody met, against what the log says of them. */
export async function verifyControllerRows(
  deep: Deep,
  fold: ControllerFold,
  fenced: ReadonlySet<string>,
): Promise<void> {
  const met = new Set<string>()
  const doubts: string[] = []
  for (const family of FAMILIES) {
    for await (const [key, value] of scanRows(deep.store, deep.keyOf(family), { page: PAGE })) {
      deep.options.signal?.throwIfAborted()
      const name = deep.nameOf(key)
      met.add(name)
      if (!fits(deep, fold, { key, value })) doubts.push(name)
    }
  }
  for (const name of fold.rows.keys()) {
    if (!met.has(name) && !fenced.has(name.slice('p/'.length))) doubts.push(name)
  }
  for (const some of chunksOf(doubts, DOUBTS)) await settle(deep, fold, some)
}

function fits(
  { nameOf, keyspace }: Deep,
  { rows, size }: ControllerFold,
  { key, value }: { readonly key: Key; readonly value: Uint8Array },
): boolean {
  const name = nameOf(key)
  if (name.startsWith(UNLOGGED)) return true
  if (!name.startsWith(BODIES)) return rows.get(name) === digestOf(value)
  // Its content was held against its leaf when it was folded.
  const sequence = Number.parseInt(name.slice(BODIES.length), 16)
  return sequence < size && keyspace.controllerBody(sequence) === key
}

/** What did not fit may have changed meanwhile: with the head, in one read, it must fit what the head counts. */
async function settle(deep: Deep, fold: ControllerFold, names: readonly string[]): Promise<void> {
  const keys = names.map(deep.keyOf)
  const [head, ...values] = await deep.store.read([deep.logs[0].keys.head, ...keys])
  if (head !== undefined) await fold.advance(head)
  keys.forEach((key, at) => {
    const value = values[at]
    const isExpected = fold.rows.has(deep.nameOf(key))
    if (value === undefined) {
      if (isExpected) deep.report({ key, kind: 'row_missing' })
      return
    }
    // A fence that was lifted meanwhile: the document is the person's again.
    const isLifted = !isExpected && deep.nameOf(key).startsWith('p/')
    if (!isLifted && !fits(deep, fold, { key, value })) {
      deep.report({ key, kind: isExpected ? 'row_changed' : 'row_unexpected' })
    }
  })
}
