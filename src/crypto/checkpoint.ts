import { fromBase64, toBase64 } from '../base/bytes.ts'

/** State of a log: its name, how many leaves it has, and the root over them (c2sp.org/tlog-checkpoint). */
export interface Checkpoint {
  readonly origin: string
  readonly size: number
  readonly root: Uint8Array
}

/** A checkpoint of any log: its size may be beyond what a number holds exactly. */
export interface TreeHead {
  /** Names the log. */
  readonly origin: string
  /** Number of leaves, 0 to 2^63 - 1. */
  readonly size: bigint
  /** 32 bytes (RFC 6962). */
  readonly root: Uint8Array
}

const ROOT_LENGTH = 32
const LINES = /^([^\n]+)\n(0|[1-9][0-9]{0,18})\n([^\n]+)\n$/
const MAX_SIZE = 2n ** 63n - 1n

/** The three lines that are signed. */
export function formatCheckpoint({ origin, size, root }: Checkpoint | TreeHead): string {
  return `${origin}\n${size}\n${toBase64(root)}\n`
}

/** Reads the text of a note; undefined unless it is exactly three lines in their one spelling. */
export function readTreeHead(text: string): TreeHead | undefined {
  const [, origin = '', size = '', encoded = ''] = LINES.exec(text) ?? []
  const root = fromBase64(encoded)
  if (root?.length !== ROOT_LENGTH || BigInt(size) > MAX_SIZE) return undefined
  return { origin, size: BigInt(size), root }
}

/** Reads a text of a log of our own: undefined also beyond 2^53 - 1 leaves. */
export function readCheckpoint(text: string): Checkpoint | undefined {
  const head = readTreeHead(text)
  if (head === undefined || head.size > Number.MAX_SAFE_INTEGER) return undefined
  return { ...head, size: Number(head.size) }
}
