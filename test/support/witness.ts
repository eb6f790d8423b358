import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { fromBase64, fromUtf8, sameBytes } from '../../src/base/bytes.ts'
import { readTreeHead, type TreeHead } from '../../src/crypto/checkpoint.ts'
import { verifyConsistency } from '../../src/crypto/merkle.ts'
import {
  addCosignature,
  type NoteKey,
  parseNote,
  type SignedNote,
  toVerifierKey,
  verifyNote,
} from '../../src/crypto/note.ts'
import { generateSigningKey, type SigningKey } from '../../src/crypto/signature.ts'

/** A server of one test. */
export interface TestServer {
  readonly url: string
  close(): Promise<void>
}

/** A witness of the network (c2sp.org/tlog-witness), every MUST of it, in memory. */
export interface Witness extends TestServer {
  /** Its verifier key. */
  readonly vkey: string
  readonly key: SigningKey
  readonly name: string
  /** Bodies that were submitted. */
  readonly submissions: readonly string[]
  /** What it cosigned last of a log; a test may set it back. */
  readonly latest: Map<string, TreeHead>
}

interface Answer {
  readonly status: number
  readonly body?: string
  readonly type?: string
}

interface Submission {
  readonly oldSize: bigint
  readonly proof: readonly Uint8Array[]
  readonly note: string
  readonly parsed: SignedNote
  readonly head: TreeHead
}

const SECONDS = 1_790_000_000

export async function startWitness(logs: readonly NoteKey[]): Promise<Witness> {
  const { key } = await generateSigningKey()
  const name = 'witness.example/w1'
  const latest = new Map<string, TreeHead>()
  const submissions: string[] = []
  const server = await startServer(async (request, response) => {
    const body = fromUtf8(await buffer(request)) ?? ''
    submissions.push(body)
    const isCall = request.method === 'POST' && request.url === '/w1/add-checkpoint'
    const answer = isCall
      ? await addCheckpoint(body, { logs, latest, sign: (note) => cosign(note, { name, key }) })
      : { status: 404 }
    response.writeHead(answer.status, { 'content-type': answer.type ?? 'text/plain' })
    response.end(answer.body ?? '')
  })
  const vkey = toVerifierKey({ name, publicKey: key.publicKey, algorithm: 'cosignature' })
  return { ...server, url: `${server.url}/w1/`, vkey, key, name, submissions, latest }
}

/** The lines that a witness adds below a checkpoint. */
export async function cosign(
  note: string,
  { name, key }: Pick<Witness, 'name' | 'key'>,
): Promise<string> {
  return (await addCosignature(note, { name, key, seconds: SECONDS })).slice(note.length)
}

/** A server on this machine that does what the test wants. */
export async function startServer(
  answer: (request: IncomingMessage, response: ServerResponse) => unknown,
): Promise<TestServer> {
  const server = createServer((request, response) => void answer(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

interface State {
  readonly logs: readonly NoteKey[]
  readonly latest: Map<string, TreeHead>
  sign(note: string): Promise<string>
}

async function addCheckpoint(body: string, state: State): Promise<Answer> {
  const submission = parseSubmission(body)
  if (submission === undefined) return { status: 400 }
  const { head, parsed, oldSize } = submission
  const keys = state.logs.filter(({ name }) => name === head.origin)
  if (keys.length === 0) return { status: 404 }
  if (!(await verifyNote(parsed, keys))) return { status: 403 }
  if (oldSize > head.size) return { status: 400 }
  // From here to the record there is no waiting: the check and the change are one step.
  const refusal = check(submission, state.latest.get(head.origin))
  if (refusal !== undefined) return refusal
  state.latest.set(head.origin, head)
  return { status: 200, body: await state.sign(submission.note) }
}

function check(
  { oldSize, proof, head }: Submission,
  known: TreeHead | undefined,
): Answer | undefined {
  const size = known?.size ?? 0n
  const conflict = { status: 409, body: `${size}\n`, type: 'text/x.tlog.size' }
  if (oldSize !== size) return conflict
  if (known === undefined || size === 0n) return proof.length === 0 ? undefined : { status: 422 }
  if (size === head.size && !sameBytes(known.root, head.root)) return conflict
  const claim = { size1: size, size2: head.size, root1: known.root, root2: head.root, proof }
  return verifyConsistency(claim) ? undefined : { status: 422 }
}

function parseSubmission(body: string): Submission | undefined {
  const end = body.indexOf('\n\n')
  const [first = '', ...hashes] = body.slice(0, end).split('\n')
  const oldSize = /^old (0|[1-9][0-9]*)$/.exec(first)?.[1]
  const proof = hashes.map(fromBase64)
  const note = body.slice(end + 2)
  const parsed = parseNote(note)
  const head = parsed === undefined ? undefined : readTreeHead(parsed.text)
  if (end < 0 || oldSize === undefined || parsed === undefined || head === undefined)
    return undefined
  if (proof.length > 63 || !proof.every((hash) => hash !== undefined)) return undefined
  return { oldSize: BigInt(oldSize), proof, note, parsed, head }
}
