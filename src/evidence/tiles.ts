import { sameBytes } from '../base/bytes.ts'
import { foldHashes, growTree } from '../crypto/merkle.ts'

/** Hashes of subtrees that stand side by side, as c2sp.org/tlog-tiles cuts a tree. */
export interface Tile {
  /** Each hash is over `256^level` leaves. */
  readonly level: number
  readonly index: number
  /** Number of hashes, 1 to 256; less than 256 only at the right edge. */
  readonly width: number
}

/** A tile and its hashes. */
export interface TileHashes {
  readonly tile: Tile
  readonly hashes: readonly Uint8Array[]
}

/** The tiles of a log from the root downwards: each is held against the tile above it. */
export interface TileTree {
  /** Takes the next full tile; false unless the tile above commits to its hashes. */
  take(next: TileHashes): boolean
  /** The tile that was taken last at a level, or the partial one where there is no full one of that index. */
  at(level: number, index: number): TileHashes | undefined
}

/** Hashes of a full tile. */
export const TILE_WIDTH = 256

const HASH_LENGTH = 32

/** The tiles that are not full, the highest level first: the root follows from them alone. */
export function partialTiles(size: number): readonly Tile[] {
  const tiles: Tile[] = []
  let count = size
  for (let level = 0; count > 0; level += 1) {
    const width = count % TILE_WIDTH
    count = Math.floor(count / TILE_WIDTH)
    if (width > 0) tiles.unshift({ level, index: count, width })
  }
  return tiles
}

/** The full tiles that begin with the same leaf as a full tile of leaves, the highest level first. */
export function fullTiles(leafTile: number, size: number): readonly Tile[] {
  const tiles: Tile[] = []
  let index = leafTile
  let count = Math.floor(size / TILE_WIDTH)
  for (let level = 0; index < count; level += 1) {
    tiles.unshift({ level, index, width: TILE_WIDTH })
    if (index % TILE_WIDTH !== 0) break
    index /= TILE_WIDTH
    count = Math.floor(count / TILE_WIDTH)
  }
  return tiles
}

/** The tiles of leaves, the partial one last. */
export function* leafTiles(size: number): Generator<Tile> {
  for (let index = 0; index * TILE_WIDTH < size; index += 1) {
    yield { level: 0, index, width: Math.min(TILE_WIDTH, size - index * TILE_WIDTH) }
  }
}

/** Where the hashes of a tile are. */
export function tileName({ level, index, width }: Tile): string {
  return `tile/${level}/${pathOf(index)}${suffixOf(width)}`
}

/** Where the leaves of a tile of level 0 are. */
export function entriesName({ index, width }: Tile): string {
  return `tile/entries/${pathOf(index)}${suffixOf(width)}`
}

/** Where the files of a log are: the main one, number 0, or one that it shares the people with. */
export function folderOf(number: number): string {
  return number === 0 ? '' : `shard/${number}/`
}

/** Where the body of an entry is, if it is disclosed. */
export function bodyName(index: number): string {
  return `bodies/${pathOf(index)}`
}

/** A number in groups of three digits, all but the last with an `x` before them: 1234067 is x001/x234/067. */
export function pathOf(index: number): string {
  const digits = String(index)
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/.{3}/g) ?? []
  return groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/')
}

/** The number that {@link pathOf} writes so; undefined for any other text. */
export function parsePath(path: string): number | undefined {
  const index = Number(path.replace(/\/?x|\//g, ''))
  return Number.isSafeInteger(index) && pathOf(index) === path ? index : undefined
}

/** The hashes that a tile holds one behind the other. */
export function splitHashes(bytes: Uint8Array): readonly Uint8Array[] {
  return Array.from({ length: bytes.length / HASH_LENGTH }, (_, at) =>
    bytes.subarray(at * HASH_LENGTH, (at + 1) * HASH_LENGTH),
  )
}

/** The right edge of the tree over these hashes: its largest perfect subtrees from left to right. */
export function edgeOf(hashes: readonly Uint8Array[]): readonly Uint8Array[] {
  const tree = growTree()
  for (const hash of hashes) tree.append(hash)
  return tree.range().hashes
}

/** The root that the partial tiles give, the highest level first. */
export function edgeRoot(partial: readonly TileHashes[]): Uint8Array {
  return foldHashes(partial.flatMap(({ hashes }) => edgeOf(hashes)))
}

/** Starts from the partial tiles, whose root was checked. */
export function createTileTree(partial: readonly TileHashes[]): TileTree {
  const edge = new Map(partial.map((known) => [known.tile.level, known]))
  const full = new Map<number, TileHashes>()
  function at(level: number, index: number): TileHashes | undefined {
    return [full.get(level), edge.get(level)].find((known) => known?.tile.index === index)
  }
  return {
    at,
    take: (next) => {
      const { level, index } = next.tile
      const above = at(level + 1, Math.floor(index / TILE_WIDTH))
      const hash = above?.hashes[index % TILE_WIDTH]
      if (hash === undefined || !sameBytes(hash, foldHashes(edgeOf(next.hashes)))) return false
      full.set(level, next)
      return true
    },
  }
}

function suffixOf(width: number): string {
  return width < TILE_WIDTH ? `.p/${width}` : ''
}
