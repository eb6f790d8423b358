import { fromBase64, toBase64 } from '../base/bytes.ts'

/** State of a log: its name, how many leaves it has, and the root over them (c2sp.org/tlog-checkpoint). */
export interface Checkpoint {
  readonly origin: string
  readonly size: number
  readonly root: Uint8Array
}

const ROOT_LENGTH = 32
const SIZE = /^(?:0|[1-9][0-9]{0,15})$/

/** The three lines that are signed. */
export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${toBase64(root)}\n`
}

/** Reads the text of a note; undefined unless it is exactly three lines in their one spelling. */
export function readCheckpoint(text: string): Checkpoint | undefined {
  const [origin = '', size = '', encoded = '', end, ...rest] = text.split('\n')
  const root = fromBase64(encoded)
  if (origin === '' || !SIZE.test(size) || end !== '' || rest.length > 0) return undefined
  if (root?.length !== ROOT_LENGTH || !Number.isSafeInteger(Number(size))) return undefined
  return { origin, size: Number(size), root }
}
