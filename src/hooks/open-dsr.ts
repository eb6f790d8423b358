import { toHex, utf8 } from '../base/bytes.ts'
import { toInstant } from '../base/time.ts'
import { sha256 } from '../crypto/hash.ts'
import type { ErasureHook, HookContext, HookItem, HookOutcome } from '../erasure/hook.ts'
import { askProcessor, type ProcessorAnswer } from './ask-processor.ts'
import { handleCallback, type OpenDsrCallback } from './open-dsr-callback.ts'
import { identitiesOf } from './open-dsr-identity.ts'
import { type OpenDsrOptions, parseOpenDsr, type Processor } from './open-dsr-options.ts'

/** A processor that speaks OpenDSR. */
export interface OpenDsrHook extends ErasureHook {
  /** Under which id, a UUID, the processor is asked in this erasure: always the same. */
  requestId(erasureId: string): string
  /**
   * Reads a callback of the processor, its signature before its contents. A callback makes nothing done, and so cannot
   * be forged or repeated to any effect: it says for which erasure it is time to `resume`, which asks the processor.
   *
   * @throws {@link key_unreadable} · @throws {@link not_supported} for a signer whose key cannot be used here
   */
  handleCallback(request: Request): Promise<OpenDsrCallback>
}

/** Fixed, so that every version of this library asks under the same id. */
const REQUEST_ID = 'privity/opendsr-request/1'
const API_VERSION = '2.0'

/**
 * Asks a processor to erase the person, by OpenDSR 2.0 (github.com/opengdpr/OpenDSR): `POST` to the endpoint, `GET` of
 * the request's id below it. The hook is done when the processor says `completed`; one that reads fields is done when
 * the request was taken, so that keys do not wait for weeks, and the certificate waits for `completed`.
 *
 * @throws {@link invalid_input} · @throws {@link not_supported} without `fetch`
 * @example
 * ```ts
 * const hook = openDsr({
 *   id: 'mailer',
 *   endpoint: 'https://opendsr.mailer.example/v2/requests',
 *   identities: [{ type: 'controller_customer_id', from: 'externalId' }],
 *   authorization: () => 'Basic ZXhhbXBsZTpleGFtcGxl',
 * })
 * console.log(hook.requestId('0123456789abcdef0123456789abcdef').length) // 36
 * ```
 */
export function openDsr(options: OpenDsrOptions): OpenDsrHook {
  const processor = parseOpenDsr(options)
  const requestId = (erasureId: string): string => toRequestId(processor.id, erasureId)
  return Object.freeze({
    id: processor.id,
    version: 1,
    needsPlaintext: processor.needsPlaintext,
    ...processor.partial,
    plan: (context: HookContext) => plan(processor, context),
    execute: (_: HookItem, context: HookContext) => execute(processor, context),
    verify: async (_: HookItem, context: HookContext) => {
      const answer = await askProcessor(processor, callOf(processor, context))
      const isDone = answer.kind === 'known' && answer.status === 'completed'
      return isDone ? ('absent' as const) : ('unknown' as const)
    },
    requestId,
    handleCallback: (request: Request) => handleCallback(processor, request),
  })
}

/** Without a call: that a processor is down must not keep anything else from being erased. */
async function plan(processor: Processor, context: HookContext): Promise<readonly HookItem[]> {
  const identities = await identitiesOf(processor.identities, context)
  if (identities.length === 0) return []
  const id = toRequestId(processor.id, context.erasureId)
  return [{ id, description: `OpenDSR request to ${processor.host}`, count: 1 }]
}

async function execute(processor: Processor, context: HookContext): Promise<HookOutcome> {
  const call = callOf(processor, context)
  // It may be known from a run that did not hear the answer: asking first needs no identity.
  const before = await askProcessor(processor, call)
  if (before.kind === 'known' && before.status === 'completed') return 'already_done'
  if (before.kind !== 'unknown') return outcomeOf(processor, before, context)
  const body = await bodyOf(processor, context)
  if (body === undefined) return { blocked: 'no_identity' }
  const answer = await askProcessor(processor, { ...call, body })
  if (answer.kind === 'later') return outcomeOf(processor, answer, context)
  // One that was refused may be known under this id since a moment ago, one that was taken may be done.
  const after = await askProcessor(processor, call)
  return outcomeOf(processor, after.kind === 'known' ? after : answer, context)
}

async function outcomeOf(
  processor: Processor,
  answer: ProcessorAnswer,
  context: HookContext,
): Promise<HookOutcome> {
  const { retryAfter } = processor
  if (answer.kind === 'refused') return { blocked: answer.why }
  if (answer.kind === 'later') {
    const { hours, why } = answer
    return { retryAfter: hours === undefined ? retryAfter : { hours }, why }
  }
  const status = answer.kind === 'known' ? answer.status : 'pending'
  if (status === 'completed') return 'done'
  if (status === 'cancelled') return { blocked: 'cancelled' }
  return (await areKeysWaiting(processor, context)) ? 'done' : { retryAfter, why: status }
}

/** While fields can be read, the keys wait for this hook: what is left to do is up to the processor and `verify`. */
async function areKeysWaiting(processor: Processor, context: HookContext): Promise<boolean> {
  if (!processor.needsPlaintext) return false
  const read = identitiesOf(processor.identities, context)
  return read.then(
    () => true,
    () => false,
  )
}

function callOf(
  { id }: Processor,
  { erasureId, signal }: HookContext,
): { readonly requestId: string; readonly signal: AbortSignal } {
  return { requestId: toRequestId(id, erasureId), signal }
}

/** Undefined when there is nothing left by which the processor would know the person. */
async function bodyOf(processor: Processor, context: HookContext): Promise<string | undefined> {
  const identities = await identitiesOf(processor.identities, context).catch(() => [])
  if (identities.length === 0) return undefined
  const { regulation, callbackUrl, clock, id } = processor
  return JSON.stringify({
    regulation,
    subject_request_id: toRequestId(id, context.erasureId),
    subject_request_type: 'erasure',
    submitted_time: toInstant(clock.now()),
    subject_identities: identities,
    api_version: API_VERSION,
    ...(callbackUrl === undefined ? {} : { status_callback_urls: [callbackUrl] }),
  })
}

/** A UUID of version 4 in its form: OpenDSR demands one, and the same erasure must always ask under the same. */
function toRequestId(hook: string, erasureId: string): string {
  const bytes = sha256(utf8(`${REQUEST_ID}/${hook}/${erasureId}`)).slice(0, 16)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  return toHex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
