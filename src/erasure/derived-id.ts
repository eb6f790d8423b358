import { toHex, utf8 } from '../base/bytes.ts'
import { sha256 } from '../crypto/hash.ts'

const ID_BYTES = 16

/** The id of an erasure that is brought about by something else: the same name goes on with the same erasure. */
export function derivedId(name: string): string {
  return toHex(sha256(utf8(name)).subarray(0, ID_BYTES))
}
