// The app's key provider: what envelopeKeys is told about one KMS.
import { envelopeKeys, type KeyProvider, PrivityError } from 'privity'

/** A request that failed for a while is the client's to repeat; the SDK of a cloud does so by itself. */
const ATTEMPTS = 3

/** Keys that the KMS at this address wraps, for a caller that it knows. */
export function kmsKeys(url: string, caller: string): KeyProvider {
  const ask = (action: string, body: object, signal?: AbortSignal): Promise<Reply> =>
    askKms(`${url}/${action}`, { caller, ...body }, signal)
  return envelopeKeys({
    id: 'fake-kms:privity',
    currentEpoch: async () => Number((await ask('current', {})).version),
    wrap: async (key, { epoch, context, signal }) => {
      const bytes = Buffer.from(key).toString('base64')
      return bytesOf(await ask('encrypt', { version: epoch, bytes, context }, signal))
    },
    unwrap: async (wrapped, { epoch, context, signal }) => {
      const bytes = Buffer.from(wrapped).toString('base64')
      return bytesOf(await ask('decrypt', { version: epoch, bytes, context }, signal))
    },
    rotate: async () => Number((await ask('rotate', {})).version),
    destroy: async (epoch) => {
      const { effectiveAt } = await ask('destroy', { version: epoch })
      return { effectiveAt: Number(effectiveAt) }
    },
  })
}

interface Reply {
  readonly version?: unknown
  readonly effectiveAt?: unknown
  readonly bytes?: unknown
}

async function askKms(url: string, body: object, signal?: AbortSignal): Promise<Reply> {
  const request = { method: 'POST', body: JSON.stringify(body), ...(signal && { signal }) }
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(url, request)
    if (response.ok) return (await response.json()) as Reply
    if (response.status !== 429 || attempt === ATTEMPTS) throw verdictOf(response.status)
  }
}

// What the KMS says of the key, in words of the library: only these two are not to be tried again.
function verdictOf(status: number): PrivityError {
  const what = 'kms'
  if (status === 400 || status === 410) return new PrivityError('key_unreadable', { what })
  if (status === 404) return new PrivityError('key_unknown', { what })
  return new PrivityError('key_unavailable', { what })
}

function bytesOf({ bytes }: Reply): Uint8Array {
  return new Uint8Array(Buffer.from(String(bytes), 'base64'))
}
