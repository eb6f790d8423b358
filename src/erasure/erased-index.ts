import { PrivityError } from '../base/errors.ts'
import type { Rows } from '../storage/participant.ts'
import type { Key, Row } from '../storage/store.ts'
import type { PeopleDeps } from '../subjects/people.ts'

/**
 * Which leaves lost their body to an erasure, as bitmaps sealed by the controller. A body that is absent
 * and not marked here is a fault, not an erasure.
 */
const PAGE_BITS = 32_768
const PAGE_BYTES = PAGE_BITS / 8

/** Rows of the bitmaps that hold these leaves. */
export function erasedKeys({ keyspace }: PeopleDeps, indexes: readonly number[]): readonly Key[] {
  return [...pagesOf(indexes).keys()].map((page) => keyspace.erased(page))
}

/** The bitmaps with these leaves marked. */
export function markErased(
  deps: PeopleDeps,
  indexes: readonly number[],
  rows: Rows,
): readonly Row[] {
  return [...pagesOf(indexes)].map(([page, bits]): Row => {
    const key = deps.keyspace.erased(page)
    const bitmap = openBitmap(deps, key, rows.get(key))
    for (const bit of bits) bitmap[bit >> 3] = (bitmap[bit >> 3] ?? 0) | (1 << (bit & 7))
    return [key, deps.controller.seal(key, bitmap)]
  })
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
