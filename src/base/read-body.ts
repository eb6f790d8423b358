import { concatBytes } from './bytes.ts'
import { orAbort } from './signal.ts'

/** How far a body is read. */
export interface BodyLimits {
  /** Most bytes, whatever a header says of the length. */
  readonly limit: number
  readonly signal: AbortSignal
}

/** The body of a request or an answer; undefined when it is longer than the limit. */
export async function readBody(
  body: ReadableStream<Uint8Array> | null,
  { limit, signal }: BodyLimits,
): Promise<Uint8Array | undefined> {
  const reader = body?.getReader()
  if (reader === undefined) return new Uint8Array(0)
  const parts: Uint8Array[] = []
  let length = 0
  try {
    for (;;) {
      const { value } = await orAbort(reader.read(), signal)
      if (value === undefined) return concatBytes(parts)
      length += value.length
      if (length > limit) return undefined
      parts.push(value)
    }
  } finally {
    reader.cancel().catch(() => undefined)
  }
}
