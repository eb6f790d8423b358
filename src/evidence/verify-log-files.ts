import { sameBytes } from '../base/bytes.ts'
import { foldHashes, growTree, leafHash } from '../crypto/merkle.ts'
import { type Leaf, LEAF_LENGTH, parseLeaf } from '../ledger/entry.ts'
import {
  createTileTree,
  edgeOf,
  edgeRoot,
  entriesName,
  fullTiles,
  leafTiles,
  partialTiles,
  splitHashes,
  type Tile,
  TILE_WIDTH,
  type TileHashes,
  tileName,
} from './tiles.ts'
import type { Archive } from './verify-archive.ts'
import type { BodyCheck } from './verify-bodies.ts'

/** A log of some size, and its root. */
export interface LogState {
  readonly origin: string
  readonly size: number
  readonly root: Uint8Array
}

/** What the files of a log are held against. */
export interface LogCheck {
  readonly folder: string
  readonly signed: LogState
  /** Older states, which the signed one must have grown from. */
  readonly kept: readonly LogState[]
  readonly bodies: BodyCheck
  tell(done: number, of: number): void
}

const HASH_LENGTH = 32
const PREFIX_LENGTH = 2

/** Reads tiles, entries and bodies in the order in which an export writes them, each held against the signed root. */
export async function verifyLogFiles(archive: Archive, check: LogCheck): Promise<void> {
  const { signed, bodies, kept, folder } = check
  const edge: TileHashes[] = []
  for (const tile of partialTiles(signed.size)) edge.push(await takeTile(archive, folder, tile))
  if (!sameBytes(edgeRoot(edge), signed.root)) throw archive.refuse('hash_mismatch')
  const tree = createTileTree(edge)
  const watches = kept.map(({ size, root }) => ({ root, rootAt: watchRoot(size) }))
  for (const tile of leafTiles(signed.size)) {
    const first = tile.index * TILE_WIDTH
    const full = tree.at(0, tile.index) === undefined ? fullTiles(tile.index, signed.size) : []
    for (const next of full) {
      if (!tree.take(await takeTile(archive, folder, next)))
        throw archive.refuse('hash_mismatch', first)
    }
    const hashes = tree.at(0, tile.index)?.hashes ?? []
    for (const { root, rootAt } of watches)
      if (!sameBytes(rootAt(hashes) ?? root, root)) throw archive.refuse('forked')
    const leaves = await takeEntries(archive, folder, { tile, hashes })
    await bodies.take(archive, { folder, origin: signed.origin, first }, leaves)
    check.tell(first + tile.width, signed.size)
  }
}

async function takeTile(archive: Archive, folder: string, tile: Tile): Promise<TileHashes> {
  const size = tile.width * HASH_LENGTH
  const bytes = await archive.take(folder + tileName(tile), size, size)
  return { tile, hashes: splitHashes(bytes) }
}

async function takeEntries(
  archive: Archive,
  folder: string,
  { tile, hashes }: TileHashes,
): Promise<readonly Leaf[]> {
  const stride = PREFIX_LENGTH + LEAF_LENGTH
  const size = tile.width * stride
  const bytes = await archive.take(folder + entriesName(tile), size, size)
  return hashes.map((hash, at) => {
    const [high, low] = bytes.subarray(at * stride)
    const leaf = bytes.subarray(at * stride + PREFIX_LENGTH, (at + 1) * stride)
    const index = tile.index * TILE_WIDTH + at
    if (!sameBytes(leafHash(leaf), hash)) throw archive.refuse('hash_mismatch', index)
    const parsed = high === 0 && low === LEAF_LENGTH ? parseLeaf(leaf) : undefined
    if (parsed === undefined) throw archive.refuse('malformed', index)
    return parsed
  })
}

/** Takes the tiles of leaves in order; the root at that size once it is reached. */
function watchRoot(size: number): (hashes: readonly Uint8Array[]) => Uint8Array | undefined {
  const tiles = growTree()
  let rest = size
  return (hashes) => {
    if (rest <= 0) return undefined
    const edge = edgeOf(hashes.slice(0, rest))
    const left = tiles.range().hashes
    tiles.append(foldHashes(edge))
    rest -= hashes.length
    return rest > 0 ? undefined : foldHashes([...left, ...edge])
  }
}
