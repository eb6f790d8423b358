import { type MemoryData, memoryData } from 'privity/memory'

/** Rows in memory of their own that are what others are now: to begin many times from one state. */
export function copiedRows(rows: ReadonlyMap<string, Uint8Array>): MemoryData {
  const data = memoryData()
  for (const [key, value] of rows) {
    data.rows.set(key, value.slice())
    data.order.add(key)
  }
  return data
}
