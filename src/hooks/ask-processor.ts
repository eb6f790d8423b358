import { fromUtf8 } from '../base/bytes.ts'
import { isPrivityError } from '../base/errors.ts'
import { readBody } from '../base/read-body.ts'
import { orAbort } from '../base/signal.ts'
import type { Processor } from './open-dsr-options.ts'

/** Where a request is (OpenDSR 2.0, section 8). */
export type OpenDsrStatus = 'pending' | 'in_progress' | 'completed' | 'cancelled'

/** One call. */
export interface ProcessorCall {
  readonly requestId: string
  /** To submit; absent to ask for the status. */
  readonly body?: string
  readonly signal: AbortSignal
}

/** What became of it. Nothing that the processor wrote is in it. */
export type ProcessorAnswer =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'known'; readonly status: OpenDsrStatus }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'later'; readonly why: string; readonly hours?: number }

/** What a body of a processor says, as far as it is used. */
export interface ProcessorBody {
  readonly requestId: string | undefined
  readonly status: OpenDsrStatus | undefined
  readonly callbackUrl: string | undefined
}

/** Most bytes of an answer or a callback. */
export const MAX_BODY = 65_536

const STATUSES: readonly unknown[] = ['pending', 'in_progress', 'completed', 'cancelled']
const ACCEPTED: readonly number[] = [200, 201, 202]
const GONE: readonly number[] = [400, 404, 410]
const BUSY: readonly number[] = [408, 425, 429]
const NOT_AUTHORISED: readonly number[] = [401, 403]
const OK = 200
const HOUR_S = 3_600
const MAX_HOURS = 168

/** Calls a processor once, without a retry and without following a redirect; never rejects for what it does. */
export async function askProcessor(
  processor: Processor,
  call: ProcessorCall,
): Promise<ProcessorAnswer> {
  const signal = AbortSignal.any([call.signal, AbortSignal.timeout(processor.timeoutMs)])
  try {
    return await ask(processor, { ...call, signal })
  } catch (error) {
    // The key that the app gave is of no use: asking again later would not help.
    if (isPrivityError(error)) throw error
    // What fetch throws may quote the address.
    return later(signal.aborted ? 'timeout' : 'unreachable')
  }
}

/** Reads what every body of a processor has, and nothing that it may quote of the request. */
export function parseBody(bytes: Uint8Array): ProcessorBody | undefined {
  try {
    const json: unknown = JSON.parse(fromUtf8(bytes) ?? '')
    if (typeof json !== 'object' || json === null) return undefined
    const { subject_request_id, request_status, status_callback_url } = json as {
      readonly [name: string]: unknown
    }
    return {
      requestId: textOf(subject_request_id)?.toLowerCase(),
      status: STATUSES.includes(request_status) ? (request_status as OpenDsrStatus) : undefined,
      callbackUrl: textOf(status_callback_url),
    }
  } catch {
    return undefined
  }
}

async function ask(processor: Processor, call: ProcessorCall): Promise<ProcessorAnswer> {
  const { requestId, body, signal } = call
  const url = body === undefined ? `${processor.endpoint}/${requestId}` : processor.endpoint
  const authorization = await processor.authorization?.()
  const response = await orAbort(
    processor.fetch(url, {
      method: body === undefined ? 'GET' : 'POST',
      ...(body === undefined ? {} : { body }),
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(authorization === undefined ? {} : { authorization: String(authorization) }),
      },
      // The identities would be sent to wherever the answer points.
      redirect: 'manual',
      credentials: 'omit',
      cache: 'no-store',
      signal,
    }),
    signal,
  )
  const failure = failureOf(response, call)
  if (failure === undefined) return readAnswer(processor, response, { ...call, signal })
  response.body?.cancel().catch(() => undefined)
  return failure
}

/** Undefined for the statuses that come with a body to read. */
function failureOf(
  { status, headers }: Response,
  call: ProcessorCall,
): ProcessorAnswer | undefined {
  const isSubmission = call.body !== undefined
  if (isSubmission ? ACCEPTED.includes(status) : status === OK) return undefined
  if (!isSubmission && GONE.includes(status)) return { kind: 'unknown' }
  if (NOT_AUTHORISED.includes(status)) return { kind: 'refused', why: 'not_authorised' }
  if (status < 400) return later(status >= 200 && status < 300 ? 'malformed' : 'redirected')
  if (status < 500 && !BUSY.includes(status)) return { kind: 'refused', why: 'refused' }
  return { ...later('busy'), ...hoursOf(headers.get('retry-after')) }
}

async function readAnswer(
  { signer }: Processor,
  response: Response,
  { requestId, body, signal }: ProcessorCall,
): Promise<ProcessorAnswer> {
  const bytes = await readBody(response.body, { limit: MAX_BODY, signal })
  if (bytes === undefined) return later('too_big')
  if (signer?.signsAnswers === true && !(await signer.signed(response.headers, bytes)))
    return later('not_signed')
  const read = parseBody(bytes)
  // The answer to another request proves nothing about this one.
  if (read?.requestId !== requestId) return later('malformed')
  if (body !== undefined) return { kind: 'accepted' }
  return read.status === undefined ? later('malformed') : { kind: 'known', status: read.status }
}

function later(why: string): ProcessorAnswer & { readonly kind: 'later' } {
  return { kind: 'later', why }
}

/** `Retry-After` in seconds, as whole hours; a date is left to the hook's own time. */
function hoursOf(header: string | null): { readonly hours?: number } {
  if (header === null || !/^[0-9]{1,9}$/.test(header)) return {}
  return { hours: Math.min(Math.max(Math.ceil(Number(header) / HOUR_S), 1), MAX_HOURS) }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
