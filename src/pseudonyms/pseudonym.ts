import { fromHex, lengthPrefixed, toHex, utf8 } from '../base/bytes.ts'
import { openDeterministic, sealDeterministic } from '../crypto/deterministic.ts'

/**
 * Stands for a person towards one recipient, for one purpose: 64 lower-case hexadecimal digits. Still personal
 * data as long as the controller keeps the key (Art. 4(5) GDPR). The type keeps those of different recipients
 * apart.
 */
export type Pseudonym<R extends string> = string & OfRecipient<R>

/** A function, so that a pseudonym is neither widened nor narrowed to that of other recipients. */
interface OfRecipient<R> {
  readonly __recipient?: (recipient: R) => R
}

const PSEUDONYM = /^[0-9a-f]{64}$/
const LABEL = utf8('privity/pseudonym/v1')

/** The same person under the same key gives the same pseudonym. */
export function toPseudonym(key: Uint8Array, storeId: string, subjectId: string): string {
  const id = fromHex(subjectId)
  if (id === undefined) throw new TypeError('an id that is not hexadecimal reached a pseudonym')
  // Hexadecimal, because systems that fold case would take two people for one.
  return toHex(sealDeterministic(key, id, associated(storeId)))
}

/** The person; undefined for what was not made under this key. */
export function fromPseudonym(
  key: Uint8Array,
  storeId: string,
  pseudonym: string,
): string | undefined {
  const sealed = PSEUDONYM.test(pseudonym) ? fromHex(pseudonym) : undefined
  const id = sealed === undefined ? undefined : openDeterministic(key, sealed, associated(storeId))
  return id === undefined ? undefined : toHex(id)
}

function associated(storeId: string): Uint8Array {
  return lengthPrefixed([LABEL, utf8(storeId)])
}
