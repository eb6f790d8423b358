import { fromUtf8, sameBytes } from '../base/bytes.ts'
import { PrivityError } from '../base/errors.ts'
import type { ControllerKey } from '../keys/controller-key.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { Key, Store } from '../storage/store.ts'
import { encodeSegmentLeaf, type SegmentPlace } from './segment.ts'
import { segmentRoot } from './segment-proof.ts'

/** A segment as it was sealed. */
export interface OpenedSegment {
  /** Canonical JSON of each entry, for {@link parseAccess} and {@link segmentProof}. */
  readonly entries: readonly string[]
  /** Over these entries, whatever the leaf says. */
  readonly root: Uint8Array
}

/** What opening a segment needs. */
export interface OpenSegmentDeps {
  readonly keyspace: Pick<Keyspace, 'segment' | 'writer'>
  readonly controller: Pick<ControllerKey, 'open' | 'tag'>
}

/** What reading a segment needs. */
export interface ReadSegmentDeps extends OpenSegmentDeps {
  readonly store: Pick<Store, 'read'>
  /** Of the main log. */
  readonly origin: string
}

/**
 * Opens the row of a segment.
 *
 * @throws {@link decryption_failed} when the row was changed or moved
 */
export function openSegment(
  { keyspace, controller }: OpenSegmentDeps,
  { writer, index }: SegmentPlace,
  sealed: Uint8Array,
): OpenedSegment {
  const bytes = controller.open(keyspace.segment(writer, index), sealed)
  const parsed: readonly unknown[] = JSON.parse(fromUtf8(bytes) ?? '[]')
  // Each entry was written by `JSON.stringify`, so writing it again gives the text that was hashed.
  const entries = parsed.map((entry) => JSON.stringify(entry))
  return { entries, root: segmentRoot(entries) }
}

/** Whether a leaf is the one of this segment at this place. */
export function isLeafOf(
  { controller }: Pick<OpenSegmentDeps, 'controller'>,
  leaf: Uint8Array,
  segment: SegmentPlace & Pick<OpenedSegment, 'root'>,
): boolean {
  return sameBytes(leaf, encodeSegmentLeaf(controller.tag, segment))
}

/**
 * Reads a segment that the head of its log says there is, and holds it against its leaf.
 *
 * @throws {@link ledger_inconsistent} when it is missing, or is not what its leaf commits to
 * @throws {@link decryption_failed} when its row was changed or moved
 */
export async function readSegment(
  deps: ReadSegmentDeps,
  place: SegmentPlace,
): Promise<OpenedSegment> {
  const [sealed, leaf] = await deps.store.read(rowsOf(deps, place))
  return openChecked(deps, place, { sealed, leaf })
}

/**
 * Reads segments of one writer in one snapshot; each is opened when it is come to.
 *
 * @throws {@link ledger_inconsistent} and {@link decryption_failed} as {@link readSegment}
 */
export async function* readSegments(
  deps: ReadSegmentDeps,
  writer: number,
  indexes: readonly number[],
): AsyncGenerator<OpenedSegment & SegmentPlace> {
  const places = indexes.map((index) => ({ writer, index }))
  const rows = await deps.store.read(places.flatMap((place) => rowsOf(deps, place)))
  for (const [position, place] of places.entries()) {
    const [sealed, leaf] = rows.slice(2 * position)
    yield { ...place, ...openChecked(deps, place, { sealed, leaf }) }
  }
}

function rowsOf({ keyspace }: OpenSegmentDeps, { writer, index }: SegmentPlace): readonly Key[] {
  return [keyspace.segment(writer, index), keyspace.writer(writer).leaf(index)]
}

function openChecked(
  deps: ReadSegmentDeps,
  place: SegmentPlace,
  { sealed, leaf }: { readonly [R in 'sealed' | 'leaf']: Uint8Array | undefined },
): OpenedSegment {
  if (sealed === undefined || leaf === undefined) throw inconsistent(deps, place)
  const segment = openSegment(deps, place, sealed)
  if (!isLeafOf(deps, leaf, { ...place, root: segment.root })) throw inconsistent(deps, place)
  return segment
}

function inconsistent({ origin }: ReadSegmentDeps, { writer }: SegmentPlace): PrivityError {
  const details = { origin: `${origin}/access/${writer}`, kind: 'segment' }
  return new PrivityError('ledger_inconsistent', details)
}
