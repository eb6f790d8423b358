import { readBody } from '../base/read-body.ts'
import { MAX_BODY, type OpenDsrStatus, parseBody } from './ask-processor.ts'
import type { Processor } from './open-dsr-options.ts'

/** What a callback said, and the HTTP status to answer it with. */
export type OpenDsrCallback =
  | {
      readonly status: 202
      /** Compare it with {@link OpenDsrHook.requestId} of the erasures that are under way. */
      readonly requestId: string
      readonly requestStatus: OpenDsrStatus
    }
  | { readonly status: 400 | 403 | 413; readonly reason: string }

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** Sections 8.6 to 8.8: the signature counts before a byte of the body is understood. */
export async function handleCallback(
  { signer, callbackUrl, timeoutMs }: Processor,
  request: Request,
): Promise<OpenDsrCallback> {
  if (signer === undefined || callbackUrl === undefined) return refuse(403, 'no_callbacks')
  if (request.method !== 'POST') return refuse(400, 'not_a_post')
  const body = await readWhole(request, timeoutMs)
  if (body === 'late') return refuse(400, 'unreadable')
  if (body === undefined) return refuse(413, 'too_big')
  if (!(await signer.signed(request.headers, body))) return refuse(403, 'not_signed')
  const read = parseBody(body)
  if (read?.requestId === undefined || !UUID.test(read.requestId) || read.status === undefined)
    return refuse(400, 'malformed')
  // Not every processor sends it; one that was signed for somebody else is refused.
  if (read.callbackUrl !== undefined && !sameUrl(read.callbackUrl, callbackUrl))
    return refuse(400, 'other_url')
  return { status: 202, requestId: read.requestId, requestStatus: read.status }
}

async function readWhole(
  request: Request,
  timeoutMs: number,
): Promise<Uint8Array | 'late' | undefined> {
  try {
    const signal = AbortSignal.timeout(timeoutMs)
    return await readBody(request.body, { limit: MAX_BODY, signal })
  } catch {
    return 'late'
  }
}

function sameUrl(text: string, url: string): boolean {
  return URL.canParse(text) && new URL(text).href === url
}

function refuse(status: 400 | 403 | 413, reason: string): OpenDsrCallback {
  return { status, reason }
}
