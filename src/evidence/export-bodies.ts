import { toBase64url } from '../base/bytes.ts'
import { canonicalBytes } from '../base/canonical.ts'
import { chunksOf } from '../base/chunks-of.ts'
import { PrivityError } from '../base/errors.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import { commitmentOf, type Leaf, leafTag, splitBody } from '../ledger/entry.ts'
import type { Key, Store } from '../storage/store.ts'

/** Somebody whose entries are disclosed: a person, or the controller. */
export interface Discloser {
  /** Sequence of the first entry. */
  readonly first: number
  tag(message: Uint8Array): Uint8Array
  key(sequence: number): Key
  /** Opens the row of a body. */
  open(sequence: number, sealed: Uint8Array): Uint8Array
  /** How many entries there must be, at the least. */
  readonly atLeast: number
  /** Throws what it means that something of theirs is not there; an erasure, if that is why. */
  missing(): Promise<void>
}

/** A file of a body. */
export interface BodyFile {
  readonly index: number
  readonly contents: Uint8Array
}

/** Finds the leaves of the disclosers among those of a log that goes by in order. */
export interface Disclosure {
  /** The bodies behind some leaves; `first` is the index of the first. */
  bodiesOf(first: number, leaves: readonly Leaf[]): AsyncGenerator<BodyFile>
  /** Throws unless everybody's entries went by. */
  close(): Promise<void>
}

interface Found {
  readonly index: number
  readonly leaf: Leaf
  readonly discloser: Discloser
  readonly sequence: number
}

interface State {
  readonly store: Pick<Store, 'read'>
  readonly origin: string
  /** Next sequence of each discloser. */
  readonly next: Map<Discloser, number>
  /** By the tag of the next leaf. */
  readonly tags: Map<string, Discloser>
}

/** Bodies in memory at a time: at most half a megabyte each. */
const PAGE = 16

/** Starts before the first leaf. */
export function createDisclosure(
  { store, origin }: Pick<State, 'store' | 'origin'>,
  disclosers: readonly Discloser[],
): Disclosure {
  const state: State = { store, origin, next: new Map(), tags: new Map() }
  for (const discloser of disclosers) expect(state, discloser, discloser.first)
  return {
    bodiesOf: (first, leaves) => bodiesOf(state, first, leaves),
    close: async () => {
      for (const [discloser, next] of state.next) {
        if (next - discloser.first < discloser.atLeast) await throwMissing(state, discloser)
      }
    },
  }
}

function expect({ next, tags }: State, discloser: Discloser, sequence: number): void {
  next.set(discloser, sequence)
  tags.set(
    leafTag((message) => discloser.tag(message), sequence),
    discloser,
  )
}

async function* bodiesOf(
  state: State,
  first: number,
  leaves: readonly Leaf[],
): AsyncGenerator<BodyFile> {
  const found = leaves.flatMap((leaf, offset) => find(state, first + offset, leaf))
  for (const page of chunksOf(found, PAGE)) {
    const rows = await state.store.read(
      page.map(({ discloser, sequence }) => discloser.key(sequence)),
    )
    for (const [position, one] of page.entries()) yield await openBody(state, one, rows[position])
  }
}

function find(state: State, index: number, leaf: Leaf): readonly Found[] {
  const discloser = state.tags.get(leaf.s)
  const sequence = discloser === undefined ? undefined : state.next.get(discloser)
  if (discloser === undefined || sequence === undefined) return []
  state.tags.delete(leaf.s)
  expect(state, discloser, sequence + 1)
  return [{ index, leaf, discloser, sequence }]
}

async function openBody(
  state: State,
  { index, leaf, discloser, sequence }: Found,
  sealed: Uint8Array | undefined,
): Promise<BodyFile> {
  if (sealed === undefined) return throwMissing(state, discloser)
  const { secret, body } = splitBody(discloser.open(sequence, sealed))
  const json = parseCanonical(body)
  if (json === undefined || toBase64url(commitmentOf(secret, body)) !== leaf.b)
    throw inconsistent(state, 'body_mismatch')
  return { index, contents: canonicalBytes({ body: json, secret: toBase64url(secret) }) }
}

async function throwMissing(state: State, discloser: Discloser): Promise<never> {
  await discloser.missing()
  throw inconsistent(state, 'body_missing')
}

function inconsistent({ origin }: State, kind: string): PrivityError {
  return new PrivityError('ledger_inconsistent', { origin, kind })
}
