/** Each log is looked at when a store is opened: a few relieve a hot head, many would only slow that down. */
const MAX_SHARDS = 64

/** Tells whether so many logs can share the people of a store. */
export function isShardCount(count: unknown): count is number {
  return (
    typeof count === 'number' && Number.isSafeInteger(count) && count >= 1 && count <= MAX_SHARDS
  )
}
