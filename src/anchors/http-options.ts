import { invalidInput } from '../base/errors.ts'
import { type Fetch, parseFetch, parseHttpsUrl, parseTimeout } from '../base/http.ts'
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

/** @throws {@link invalid_input} */
export function parseHttpOptions(options: unknown): ParsedHttpOptions {
  const given = membersOf(options, NAMES, ['options'])
  const { state, timeoutMs = TIMEOUT_MS } = given
  return {
    url: `${parseHttpsUrl(given.url, 'url').href.replace(/\/$/, '')}/add-checkpoint`,
    witness: parseWitness(given.witness),
    state: state === undefined ? memoryAnchor() : parseAnchor(state, ['state']),
    fetch: parseFetch(given.fetch),
    timeoutMs: parseTimeout(timeoutMs),
  }
}

function parseWitness(text: unknown): NoteKey {
  const key = typeof text === 'string' ? parseVerifierKey(text) : undefined
  if (key?.algorithm !== 'cosignature') throw invalidInput(['witness'], 'not_a_witness_key')
  return key
}
