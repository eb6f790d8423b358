import { fromUtf8, toBase64 } from '../base/bytes.ts'
import { isPrivityError, PrivityError } from '../base/errors.ts'
import type { Fetch } from '../base/http.ts'
import { readBody } from '../base/read-body.ts'
import { orAbort } from '../base/signal.ts'

/** A checkpoint for a witness (c2sp.org/tlog-witness). */
export interface Submission {
  /** Size that the witness is believed to know. */
  readonly oldSize: bigint
  /** RFC 6962 section 2.1.2, from that size. */
  readonly proof: readonly Uint8Array[]
  readonly checkpoint: string
}

/** Where it goes, and until when it may take. */
export interface WitnessCall {
  readonly url: string
  readonly fetch: Fetch
  readonly signal: AbortSignal
}

/** What a witness answers; `size` is the one it knows, where it says so. */
export type WitnessAnswer =
  | { readonly kind: 'cosigned'; readonly lines: string }
  | { readonly kind: 'conflict'; readonly size: bigint | undefined }
  | { readonly kind: 'inconsistent' }

const MAX_ANSWER = 65_536
const SIZE = /^(?:0|[1-9][0-9]{0,18})\n$/
const OK = 200
const CONFLICT = 409
const UNPROCESSABLE = 422
const REASONS: { readonly [status: number]: string } = {
  400: 'refused',
  403: 'unknown_key',
  404: 'unknown_log',
  429: 'busy',
  503: 'busy',
}

/**
 * Submits a checkpoint once, without a retry and without following a redirect.
 *
 * @throws {@link store_unavailable} when there is no answer, or another than the protocol knows
 */
export async function askWitness(
  submission: Submission,
  call: WitnessCall,
): Promise<WitnessAnswer> {
  try {
    return await ask(submission, call)
  } catch (error) {
    if (isPrivityError(error)) throw error
    // What fetch throws may quote the address.
    throw unavailable(call.signal.aborted ? 'timeout' : 'unreachable')
  }
}

async function ask(submission: Submission, call: WitnessCall): Promise<WitnessAnswer> {
  const response = await orAbort(
    call.fetch(call.url, {
      method: 'POST',
      body: formatSubmission(submission),
      redirect: 'error',
      credentials: 'omit',
      cache: 'no-store',
      signal: call.signal,
    }),
    call.signal,
  )
  if (response.status === OK)
    return { kind: 'cosigned', lines: await readText(response, call.signal) }
  if (response.status === CONFLICT)
    return { kind: 'conflict', size: await readSize(response, call.signal) }
  response.body?.cancel().catch(() => undefined)
  if (response.status === UNPROCESSABLE) return { kind: 'inconsistent' }
  throw unavailable(REASONS[response.status] ?? 'failed')
}

function formatSubmission({ oldSize, proof, checkpoint }: Submission): string {
  const hashes = proof.map((hash) => `${toBase64(hash)}\n`).join('')
  return `old ${oldSize}\n${hashes}\n${checkpoint}`
}

async function readSize(response: Response, signal: AbortSignal): Promise<bigint | undefined> {
  const text = await readText(response, signal)
  const [type = ''] = (response.headers.get('content-type') ?? '').split(';')
  return type.trim() === 'text/x.tlog.size' && SIZE.test(text) ? BigInt(text.trim()) : undefined
}

async function readText(response: Response, signal: AbortSignal): Promise<string> {
  const body = await readBody(response.body, { limit: MAX_ANSWER, signal })
  if (body === undefined) throw unavailable('too_big')
  const text = fromUtf8(body)
  if (text === undefined) throw unavailable('malformed')
  return text
}

function unavailable(reason: string): PrivityError {
  return new PrivityError('store_unavailable', { reason })
}
