import { invalidInput, PrivityError } from '../base/errors.ts'
import { membersOf } from '../base/members.ts'
import { type NoteKey, parseVerifierKey } from '../crypto/note.ts'
import type { Anchor } from '../storage/anchor.ts'
import { memoryAnchor } from './memory-anchor.ts'
import { parseAnchor } from './parse-anchor.ts'

/** What an anchor at a witness needs. */
export interface HttpAnchorOptions {
  /** Where the witness takes checkpoints: its submission prefix, with `https:` unless it is on this machine. */
  readonly url: string
  /** Verifier key of the witness (c2sp.org/tlog-cosignature, type 0x04). */
  readonly witness: string
  /** Remembers what the witness cosigned. Default: a {@link memoryAnchor}, so that each process asks anew. */
  readonly state?: Anchor
  /** Default: `fetch` of the platform. */
  readonly fetch?: Fetch
  /** Most milliseconds that the witness may take to answer in one `advance`. Default: 3,000. */
  readonly timeoutMs?: number
}

/** As much of `fetch` as is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** The options, read once and checked. */
export interface ParsedHttpOptions {
  readonly url: string
  readonly witness: NoteKey
  readonly state: Anchor
  readonly fetch: Fetch
  readonly timeoutMs: number
}

const NAMES = ['url', 'witness', 'state', 'fetch', 'timeoutMs'] as const
// Below the four seconds after which `createPrivity` gives up on an anchor and learns no reason.
const TIMEOUT_MS = 3_000
const MAX_TIMEOUT_MS = 600_000
const LOOPBACK = /^(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])$/

/** @throws {@link invalid_input} */
export function parseHttpOptions(options: unknown): ParsedHttpOptions {
  const given = membersOf(options, NAMES, ['options'])
  const { state, timeoutMs = TIMEOUT_MS } = given
  if (!isTimeout(timeoutMs)) throw invalidInput(['timeoutMs'], 'not_a_timeout')
  return {
    url: parseUrl(given.url),
    witness: parseWitness(given.witness),
    state: state === undefined ? memoryAnchor() : parseAnchor(state, ['state']),
    fetch: parseFetch(given.fetch),
    timeoutMs,
  }
}

/** A password in an address would end up in other people's logs, and a query has no meaning here. */
function parseUrl(text: unknown): string {
  const url = toUrl(text)
  const isPlain =
    url !== undefined && `${url.username}${url.password}${url.search}${url.hash}` === ''
  if (!isPlain) throw invalidInput(['url'], 'not_a_url')
  const isSafe =
    url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname))
  if (!isSafe) throw invalidInput(['url'], 'not_https')
  return `${url.href.replace(/\/$/, '')}/add-checkpoint`
}

function toUrl(text: unknown): URL | undefined {
  try {
    return typeof text === 'string' ? new URL(text) : undefined
  } catch {
    return undefined
  }
}

function parseWitness(text: unknown): NoteKey {
  const key = typeof text === 'string' ? parseVerifierKey(text) : undefined
  if (key?.algorithm !== 'cosignature') throw invalidInput(['witness'], 'not_a_witness_key')
  return key
}

function parseFetch(given: unknown): Fetch {
  if (given !== undefined && typeof given !== 'function')
    throw invalidInput(['fetch'], 'not_a_function')
  if (given !== undefined) return given as Fetch
  if (typeof globalThis.fetch !== 'function')
    throw new PrivityError('not_supported', { what: 'fetch' })
  // Asked for at each call: what instruments it may come later.
  return (url, init) => globalThis.fetch(url, init)
}

function isTimeout(ms: unknown): ms is number {
  return typeof ms === 'number' && Number.isSafeInteger(ms) && ms > 0 && ms <= MAX_TIMEOUT_MS
}
