import { invalidInput } from '../base/errors.ts'
import { orAbort } from '../base/signal.ts'

/** Bytes in pieces of any size: a web stream, a Node stream, a generator. */
export type ByteSource = ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>

/** Reads a source piece by piece, and no piece before it is asked for. */
export interface ByteReader {
  /** Undefined at the end. @throws {@link invalid_input} for a piece that is no bytes */
  read(): Promise<Uint8Array | undefined>
  /** Gives the source up: what waits for it rejects, and so does whoever reads on. */
  cancel(reason?: unknown): void
}

interface Steps {
  next(): Promise<{ readonly done?: boolean | undefined; readonly value?: unknown }>
  stop(reason: unknown): Promise<unknown> | undefined
}

/** @throws {@link invalid_input} for what is no source, or a stream that somebody reads already */
export function openSource(source: unknown, signal: AbortSignal | undefined): ByteReader {
  const steps = stepsOf(source)
  const given = new AbortController()
  const gone = signal === undefined ? given.signal : AbortSignal.any([given.signal, signal])
  function stop(reason: unknown): void {
    given.abort(reason)
    // A source that hangs must not hang whoever gives it up.
    steps.stop(reason)?.catch(() => undefined)
  }
  return {
    read: async () => {
      try {
        const { done, value } = await orAbort(steps.next(), gone)
        if (done === true) return undefined
        if (value instanceof Uint8Array) return value
        throw invalidInput(['source'], 'not_bytes')
      } catch (error) {
        stop(error)
        throw error
      }
    },
    cancel: stop,
  }
}

function stepsOf(source: unknown): Steps {
  if (source instanceof ReadableStream) {
    if (source.locked) throw invalidInput(['source'], 'locked')
    const reader = source.getReader()
    return { next: () => reader.read(), stop: (reason) => reader.cancel(reason) }
  }
  if (!isIterable(source)) throw invalidInput(['source'], 'not_a_source')
  const iterator = source[Symbol.asyncIterator]()
  return {
    next: async () => iterator.next(),
    stop: () => Promise.resolve(iterator.return?.()),
  }
}

function isIterable(source: unknown): source is AsyncIterable<unknown> {
  if (typeof source !== 'object' || source === null) return false
  return typeof Reflect.get(source, Symbol.asyncIterator) === 'function'
}
