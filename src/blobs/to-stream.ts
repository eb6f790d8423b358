import type { ByteReader } from './byte-source.ts'

/**
 * A stream that makes a chunk when one is asked for and holds none in store: whoever reads slowly slows the
 * source down. Once it fails or is given up, so is its source.
 */
export function toStream(
  chunks: AsyncGenerator<Uint8Array>,
  source: ByteReader,
): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        try {
          const { done, value } = await chunks.next()
          if (done === true) controller.close()
          else controller.enqueue(value)
        } catch (error) {
          source.cancel(error)
          throw error
        }
      },
      cancel: (reason) => {
        source.cancel(reason)
        // Overwrites what it holds of the plaintext; nobody waits for it.
        chunks.return(undefined).catch(() => undefined)
      },
    },
    { highWaterMark: 0 },
  )
}
