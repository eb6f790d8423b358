import { invalidInput, PrivityError } from '../base/errors.ts'
import {
  formatSignature,
  parseNote,
  type SignedNote,
  signaturesBy,
  verifyNote,
} from '../crypto/note.ts'
import type { TreeHead } from '../crypto/checkpoint.ts'
import type { Anchor, ProveConsistency } from '../storage/anchor.ts'
import { askWitness, type WitnessAnswer, type WitnessCall } from './ask-witness.ts'
import { type HttpAnchorOptions, type ParsedHttpOptions, parseHttpOptions } from './http-options.ts'
import { parseAdvance } from './parse-advance.ts'

/** The protocol's limit; a tree of 2^63 leaves needs no more. */
const MAX_PROOF = 63
const HASH_BYTES = 32

/**
 * An anchor at a witness of the network (c2sp.org/tlog-witness): it cosigns only what grew out of what it
 * cosigned before, so that nobody can set the log back without its help, nor show two versions of it.
 *
 * A witness answers nothing but a submission. `read` gives what `state` remembers, with the cosignature, and
 * the first `advance` of a process finds out whether the witness knows more.
 *
 * @throws {@link invalid_input} for unknown options, an address without `https:`, and a key of no witness
 * @throws {@link not_supported} without `fetch`
 * @example
 * ```ts
 * import { httpAnchor } from 'privity'
 *
 * const anchor = httpAnchor({
 *   url: 'https://witness.example/submit',
 *   witness: 'remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2',
 * })
 * ```
 */
export function httpAnchor(options: HttpAnchorOptions): Anchor {
  const parsed = parseHttpOptions(options)
  return {
    read: () => parsed.state.read(),
    advance: (from, to, prove) => advance(parsed, { from, to }, prove),
  }
}

interface Step {
  readonly from: string | undefined
  readonly to: string
}

async function advance(
  options: ParsedHttpOptions,
  { from, to }: Step,
  prove: ProveConsistency | undefined,
): Promise<boolean> {
  const { before, after } = parseAdvance(from, to)
  const { state } = options
  const remembered = await state.read()
  // The witness has signed below what the caller passed, so the texts count and not the signatures.
  if (textOf(remembered) !== textOf(from)) return false
  const oldSize = before?.origin === after.origin ? before.size : 0n
  const cosigned = await cosign(options, { to, after, oldSize, prove })
  return state.advance(remembered, cosigned)
}

interface Ask {
  readonly to: string
  readonly after: TreeHead
  /** What the witness should know. */
  readonly oldSize: bigint
  readonly prove: ProveConsistency | undefined
}

/** The checkpoint with the line of the witness; one more question when it knows another size. */
async function cosign(options: ParsedHttpOptions, ask: Ask): Promise<string> {
  const { url, fetch, timeoutMs } = options
  const call = { url, fetch, signal: AbortSignal.timeout(timeoutMs) }
  let { oldSize } = ask
  let answer = await submit(call, { ...ask, oldSize })
  if (answer.kind === 'conflict') {
    oldSize = sizeToProve(answer.size, { ...ask, oldSize })
    answer = await submit(call, { ...ask, oldSize })
  }
  if (answer.kind === 'cosigned') return withWitness(options, ask.to, answer.lines)
  if (answer.kind === 'inconsistent') throw contradiction(ask, 'fork')
  // It agreed on the size a moment ago, or somebody else was there since.
  sizeToProve(answer.size, { ...ask, oldSize })
  throw unavailable('busy')
}

async function submit(call: WitnessCall, ask: Ask): Promise<WitnessAnswer> {
  const { oldSize, to: checkpoint } = ask
  return askWitness({ oldSize, proof: await proofFor(ask), checkpoint }, call)
}

async function proofFor({ after, oldSize, prove }: Ask): Promise<readonly Uint8Array[]> {
  if (oldSize === 0n || oldSize === after.size) return []
  if (typeof prove !== 'function') throw invalidInput(['prove'], 'not_a_function')
  const proof = await prove(oldSize, after.size)
  if (!isProof(proof)) throw invalidInput(['prove'], 'not_a_proof')
  return proof
}

function isProof(proof: unknown): boolean {
  return (
    Array.isArray(proof) &&
    proof.length <= MAX_PROOF &&
    proof.every((hash) => hash instanceof Uint8Array && hash.length === HASH_BYTES)
  )
}

/** The size that the witness says it knows, if it can be one of this log. */
function sizeToProve(size: bigint | undefined, ask: Ask): bigint {
  const { after, oldSize } = ask
  if (size !== undefined && size > after.size) throw contradiction(ask, 'anchor_ahead')
  if (size !== undefined && size !== oldSize) return size
  // It refuses the size that it knows: only another root at that size is a reason.
  if (oldSize === after.size) throw contradiction(ask, 'fork')
  throw unavailable('malformed')
}

/** Takes one line, in place of those that the witness gave before; other keys were not asked. */
async function withWitness(
  { witness }: ParsedHttpOptions,
  to: string,
  lines: string,
): Promise<string> {
  const note = readNote(to)
  const answered = parseNote(`${note.text}\n${lines}`)
  // An answer with a blank line in it would move the end of the text.
  if (answered?.text !== note.text || !(await verifyNote(answered, [witness])))
    throw unavailable('not_cosigned')
  const given = signaturesBy(answered, witness).slice(0, 1)
  const earlier = signaturesBy(note, witness)
  const kept = note.signatures.filter((one) => !earlier.includes(one))
  return `${note.text}\n${[...kept, ...given].map(formatSignature).join('')}`
}

function textOf(note: string | undefined): string | undefined {
  return note === undefined ? undefined : readNote(note).text
}

/** The notes of the caller were read before; what the app's `state` gives was not. */
function readNote(note: string): SignedNote {
  const parsed = parseNote(note)
  if (parsed === undefined) throw new PrivityError('store_corrupt', { reason: 'anchor' })
  return parsed
}

function contradiction({ after }: Ask, kind: 'anchor_ahead' | 'fork'): PrivityError {
  return new PrivityError('ledger_inconsistent', { origin: after.origin, kind })
}

function unavailable(reason: string): PrivityError {
  return new PrivityError('store_unavailable', { reason })
}
