import { sameBytes } from '../base/bytes.ts'

/** Whether two values of a row are the same; an absent row is the same as an absent one only. */
export function sameRow(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : sameBytes(a, b)
}
