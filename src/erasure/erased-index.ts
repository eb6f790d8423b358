import { PrivityError } from '../base/errors.ts'
import { ifOpens } from '../base/if-opens.ts'
import type { Rows } from '../storage/participant.ts'
import { scanRows } from '../storage/scan-rows.ts'
import type { Key, Row } from '../storage/store.ts'
import type { PeopleDeps } from '../subjects/people.ts'

/**
 * Which leaves lost their body to an erasure, as bitmaps sealed by the controller. A body that is absent
 * and not marked here is a fault, not an erasure.
 */
const PAGE_BITS = 32_768
const PAGE_BYTES = PAGE_BITS / 8
/** Bitmaps in memory at a time, while they are read. */
const PAGES = 64

const NONE = /* @__PURE__ */ new Uint8Array(0)

/** In one batch each erasure marks what the one before it has just sealed. */
const JUST_SEALED = /* @__PURE__ */ new WeakMap<Uint8Array, Uint8Array>()

/** Leaves of one log. */
export interface Leaves {
  /** Number of the log. */
  readonly shard: number
  readonly indexes: readonly number[]
}

/** Rows of the bitmaps that hold these leaves. */
export function erasedKeys({ keyspace }: PeopleDeps, { shard, indexes }: Leaves): readonly Key[] {
  return [...pagesOf(indexes).keys()].map((page) => keyspace.erased(shard, page))
}

/** The bitmaps with these leaves marked. */
export function markErased(
  deps: PeopleDeps,
  { shard, indexes }: Leaves,
  rows: Rows,
): readonly Row[] {
  return [...pagesOf(indexes)].map(([page, bits]): Row => {
    const key = deps.keyspace.erased(shard, page)
    const before = rows.get(key)
    const bitmap = JUST_SEALED.get(before ?? NONE)?.slice() ?? openBitmap(deps, key, before)
    for (const bit of bits) bitmap[bit >> 3] = (bitmap[bit >> 3] ?? 0) | (1 << (bit & 7))
    const sealed = deps.controller.seal(key, bitmap)
    JUST_SEALED.set(sealed, bitmap)
    return [key, sealed]
  })
}

/** Tells of leaves whether they are marked. */
export interface ErasedIndex {
  has(index: number, shard?: number): boolean
}

/** The bitmaps as they are stored now; one that does not open marks nothing. */
export async function readErased(deps: PeopleDeps): Promise<ErasedIndex> {
  const { store, keyspace } = deps
  const bitmaps = new Map<Key, Uint8Array>()
  const prefix = keyspace.erasedPages
  for await (const [key, sealed] of scanRows(store, prefix, { page: PAGES })) {
    const bitmap = ifOpens(() => openBitmap(deps, key, sealed))
    if (bitmap !== undefined) bitmaps.set(key, bitmap)
  }
  return {
    has: (index, shard = 0) => {
      const bitmap = bitmaps.get(keyspace.erased(shard, Math.floor(index / PAGE_BITS)))
      const bit = index % PAGE_BITS
      return ((bitmap?.[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0
    },
  }
}

function openBitmap(
  { controller }: PeopleDeps,
  key: Key,
  sealed: Uint8Array | undefined,
): Uint8Array {
  if (sealed === undefined) return new Uint8Array(PAGE_BYTES)
  const bitmap = controller.open(key, sealed)
  if (bitmap.length !== PAGE_BYTES) throw new PrivityError('store_corrupt', { reason: 'bitmap' })
  return bitmap
}

function pagesOf(indexes: readonly number[]): ReadonlyMap<number, readonly number[]> {
  const pages = new Map<number, number[]>()
  for (const index of indexes) {
    const page = Math.floor(index / PAGE_BITS)
    const bits = pages.get(page) ?? []
    bits.push(index % PAGE_BITS)
    pages.set(page, bits)
  }
  return pages
}
