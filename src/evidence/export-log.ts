import { concatBytes, sameBytes, utf8 } from '../base/bytes.ts'
import { PrivityError } from '../base/errors.ts'
import { ignoreThrown } from '../base/ignore-thrown.ts'
import { leafHash, rootOf } from '../crypto/merkle.ts'
import { type Leaf, parseLeaf } from '../ledger/entry.ts'
import type { Log } from '../ledger/log.ts'
import type { LogHead } from '../ledger/log-head.ts'
import type { Store } from '../storage/store.ts'
import type { Disclosure } from './export-bodies.ts'
import { tarFile } from './tar.ts'
import {
  bodyName,
  createTileTree,
  edgeRoot,
  entriesName,
  fullTiles,
  leafTiles,
  partialTiles,
  type Tile,
  TILE_WIDTH,
  type TileHashes,
  tileName,
  type TileTree,
} from './tiles.ts'

/** The log to write, as it was when the export began. */
export interface ExportedLog {
  readonly store: Pick<Store, 'read' | 'scan'>
  readonly log: Log
  /** Where its files are; ends in a slash unless it is empty. */
  readonly folder: string
  /** As signed. */
  readonly head: LogHead
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((done: bigint, of: bigint) => void) | undefined
}

/** Levels of a tree between one level of tiles and the next. */
const TILE_LEVELS = 8

/**
 * The checkpoint, the tiles from the root downwards and from left to right, and behind each tile of leaves their entries and
 * bodies: whoever reads in this order can hold everything at once against what was signed.
 *
 * @throws {@link ledger_inconsistent} when the rows do not give the root that was signed
 */
export async function* exportLog(
  exported: ExportedLog,
  disclosure: Disclosure,
): AsyncGenerator<Uint8Array> {
  const { signal, folder } = exported
  const { range, note } = exported.head
  yield tarFile(`${folder}checkpoint`, utf8(note))
  const edge: TileHashes[] = []
  for (const tile of partialTiles(range.size)) edge.push(await readTile(exported, tile))
  if (!sameBytes(edgeRoot(edge), rootOf(range))) throw inconsistent(exported, 'root_mismatch')
  for (const known of edge) yield tileFile(exported, known)
  const tree = createTileTree(edge)
  for (const tile of leafTiles(range.size)) {
    signal?.throwIfAborted()
    const leaves = await readLeaves(exported, tile)
    yield* exportTiles({ exported, tree, tile }, leaves)
    const parsed = leaves.map((leaf) => readLeaf(exported, leaf))
    yield entriesFile(exported, tile, leaves)
    const bodies = disclosure.bodiesOf(tile.index * TILE_WIDTH, parsed)
    for await (const { index, contents } of bodies)
      yield tarFile(folder + bodyName(index), contents)
    tell(exported, tile)
  }
}

interface TilePlace {
  readonly exported: ExportedLog
  readonly tree: TileTree
  readonly tile: Tile
}

/** The full tiles that begin here; the partial one was written before all others. */
async function* exportTiles(
  { exported, tree, tile }: TilePlace,
  leaves: readonly Uint8Array[],
): AsyncGenerator<Uint8Array> {
  const hashes = leaves.map(leafHash)
  const known = tree.at(0, tile.index)
  if (known !== undefined && !sameBytes(concatBytes(known.hashes), concatBytes(hashes)))
    throw inconsistent(exported, 'root_mismatch')
  if (known !== undefined) return
  for (const full of fullTiles(tile.index, exported.head.range.size)) {
    const next = full.level === 0 ? { tile, hashes } : await readTile(exported, full)
    if (!tree.take(next)) throw inconsistent(exported, 'node_mismatch')
    yield tileFile(exported, next)
  }
}

/** Before each entry its length, as 16 bits with the higher byte first. */
function entriesFile(
  { folder }: ExportedLog,
  tile: Tile,
  leaves: readonly Uint8Array[],
): Uint8Array {
  const prefixed = leaves.flatMap((leaf) => [Uint8Array.of(leaf.length >> 8, leaf.length), leaf])
  return tarFile(folder + entriesName(tile), concatBytes(prefixed))
}

function tileFile({ folder }: ExportedLog, { tile, hashes }: TileHashes): Uint8Array {
  return tarFile(folder + tileName(tile), concatBytes(hashes))
}

async function readTile(exported: ExportedLog, tile: Tile): Promise<TileHashes> {
  if (tile.level === 0) return { tile, hashes: (await readLeaves(exported, tile)).map(leafHash) }
  const { keys } = exported.log
  const level = tile.level * TILE_LEVELS
  const rows = await exported.store.read(
    Array.from({ length: tile.width }, (_, at) => keys.node(level, tile.index * TILE_WIDTH + at)),
  )
  const hashes = rows.filter((row) => row !== undefined)
  if (hashes.length < tile.width) throw inconsistent(exported, 'node_missing')
  return { tile, hashes }
}

async function readLeaves(
  exported: ExportedLog,
  { index, width }: Tile,
): Promise<readonly Uint8Array[]> {
  const { keys } = exported.log
  const first = index * TILE_WIDTH
  const rows = await exported.store.scan(keys.leaves, {
    ...(first === 0 ? {} : { after: keys.leaf(first - 1) }),
    limit: width,
  })
  const complete = rows.length === width && rows.every(([key], at) => key === keys.leaf(first + at))
  if (!complete) throw inconsistent(exported, 'leaf_missing')
  return rows.map(([, leaf]) => leaf)
}

/** Evidence that a verifier would refuse is not written. */
function readLeaf(exported: ExportedLog, bytes: Uint8Array): Leaf {
  const leaf = parseLeaf(bytes)
  if (leaf === undefined) throw inconsistent(exported, 'leaf')
  return leaf
}

function tell({ onProgress, head }: ExportedLog, { index, width }: Tile): void {
  const done = BigInt(index * TILE_WIDTH + width)
  ignoreThrown(() => onProgress?.(done, BigInt(head.range.size)))
}

function inconsistent({ log }: ExportedLog, kind: string): PrivityError {
  return new PrivityError('ledger_inconsistent', { origin: log.origin, kind })
}
