import type { Batch, Row } from '../../src/storage/store.ts'

/**
 * What a store holds, in the plainest way: a sorted list of texts. It shares no code with any
 * adapter, so that a mistake has to be made twice to go unseen.
 */
export interface ReferenceRows {
  rows: readonly (readonly [key: string, bytes: string])[]
}

export function createReferenceRows(): ReferenceRows {
  return { rows: [] }
}

export function referenceRead({ rows }: ReferenceRows, key: string): string | undefined {
  return rows.find(([held]) => held === key)?.[1]
}

export function referenceScan({ rows }: ReferenceRows, prefix: string): ReferenceRows['rows'] {
  return rows.filter(([key]) => key.slice(0, prefix.length) === prefix)
}

/** Applies the batch, or says that a check does not hold. */
export function referenceCommit(reference: ReferenceRows, batch: Batch): 'applied' | 'conflict' {
  for (const [key, value] of batch.checks) {
    const held = referenceRead(reference, key)
    if (held !== (value === null ? undefined : asText(value))) return 'conflict'
  }
  const gone = new Set([...batch.put.map(([key]) => key), ...batch.del])
  const kept = reference.rows.filter(([key]) => !gone.has(key))
  const added = batch.put.map(([key, value]) => [key, asText(value)] as const)
  reference.rows = [...kept, ...added].sort(([a], [b]) =>
    Buffer.compare(Buffer.from(a), Buffer.from(b)),
  )
  return 'applied'
}

export function asText(value: Uint8Array): string {
  return Buffer.from(value).toString('hex')
}

export function textOf(rows: readonly Row[]): ReferenceRows['rows'] {
  return rows.map(([key, value]) => [key, asText(value)] as const)
}
