import { invalidInput, type InputPath } from '../base/errors.ts'
import { type Fetch, parseFetch, parseHttpsUrl, parseTimeout } from '../base/http.ts'
import { membersOf, pick } from '../base/members.ts'
import { type Duration, isDuration, systemClock } from '../base/time.ts'
import { type OpenDsrIdentity, parseIdentities } from './open-dsr-identity.ts'
import { type PartialOption, partialOf } from './partial-of.ts'
import { createSigner, type OpenDsrSigner, type Signer } from './open-dsr-signer.ts'

/** How a processor is asked. */
export interface OpenDsrOptions extends PartialOption {
  /** Id of the hook. */
  readonly id: string
  /** Where the processor takes requests, `https://opendsr.example.com/v2/requests`: with `https:` unless it is on this machine. */
  readonly endpoint: string
  /** By what the processor knows the person. */
  readonly identities: readonly OpenDsrIdentity[]
  /** Default: `gdpr`. */
  readonly regulation?: 'gdpr' | 'ccpa'
  /** Gives the `Authorization` header of each call; OpenDSR leaves that to the processor. */
  readonly authorization?: () => string | Promise<string>
  /** Who signs answers and callbacks. Without one, answers are believed because of TLS and there are no callbacks. */
  readonly signer?: OpenDsrSigner
  /** Where the app takes callbacks, and passes them to {@link OpenDsrHook.handleCallback}. */
  readonly callbackUrl?: string
  /** When to ask again what is pending. Default: 1 hour. */
  readonly retryAfter?: Duration
  /** Most milliseconds for one call. Default: 8,000. */
  readonly timeoutMs?: number
  /** Default: `fetch` of the platform. */
  readonly fetch?: Fetch
  /** Default: the system's. */
  readonly clock?: {
    /** Milliseconds since the epoch. */
    now(): number
  }
}

/** The options, read once and checked. */
export interface Processor {
  readonly id: string
  /** Without a slash at its end. */
  readonly endpoint: string
  readonly host: string
  readonly identities: readonly OpenDsrIdentity[]
  readonly needsPlaintext: boolean
  readonly regulation: 'gdpr' | 'ccpa'
  readonly authorization: (() => unknown) | undefined
  readonly signer: Signer | undefined
  readonly callbackUrl: string | undefined
  readonly retryAfter: Duration
  readonly timeoutMs: number
  readonly fetch: Fetch
  readonly clock: { now(): number }
  readonly partial: PartialOption
}

const NAMES = [
  'id',
  'endpoint',
  'identities',
  'regulation',
  'authorization',
  'signer',
  'callbackUrl',
  'retryAfter',
  'timeoutMs',
  'fetch',
  'clock',
  'partial',
] as const
/** The hook may need three calls, and has 30 seconds. */
const TIMEOUT_MS = 8_000
const AGAIN: Duration = { hours: 1 }

/** @throws {@link invalid_input} · @throws {@link not_supported} without `fetch` */
export function parseOpenDsr(options: unknown): Processor {
  const given = membersOf(options, NAMES, ['options'])
  const { id, regulation = 'gdpr', retryAfter = AGAIN, timeoutMs = TIMEOUT_MS } = given
  if (typeof id !== 'string') throw invalidInput(['id'], 'not_an_id')
  if (regulation !== 'gdpr' && regulation !== 'ccpa')
    throw invalidInput(['regulation'], 'unknown_regulation')
  if (!isDuration(retryAfter)) throw invalidInput(['retryAfter'], 'not_a_duration')
  const url = parseHttpsUrl(given.endpoint, 'endpoint')
  const identities = parseIdentities(given.identities)
  const clock = parseClock(given.clock)
  const signer = given.signer === undefined ? undefined : createSigner(given.signer, clock)
  return {
    id,
    endpoint: url.href.replace(/\/$/, ''),
    host: url.host,
    identities,
    needsPlaintext: identities.some(({ from }) => typeof from === 'object'),
    regulation,
    authorization: parseAuthorization(given.authorization),
    signer,
    callbackUrl: parseCallbackUrl(given.callbackUrl, signer),
    retryAfter,
    timeoutMs: parseTimeout(timeoutMs),
    partial: partialOf(given.partial),
    fetch: parseFetch(given.fetch),
    clock,
  }
}

function parseClock(given: unknown): Processor['clock'] {
  if (given === undefined) return systemClock()
  const path: InputPath = ['clock']
  const { now } = pick(given, ['now'], path)
  if (typeof now !== 'function') throw invalidInput(path, 'not_a_clock')
  return { now: () => Number(Reflect.apply(now, given, [])) }
}

function parseAuthorization(given: unknown): Processor['authorization'] {
  if (given !== undefined && typeof given !== 'function')
    throw invalidInput(['authorization'], 'not_a_function')
  return given === undefined ? undefined : () => Reflect.apply(given, undefined, [])
}

/** A callback that nobody signed could come from anybody. */
function parseCallbackUrl(given: unknown, signer: Signer | undefined): string | undefined {
  if (given === undefined) return undefined
  if (signer === undefined) throw invalidInput(['signer'], 'missing')
  return parseHttpsUrl(given, 'callbackUrl').href
}
