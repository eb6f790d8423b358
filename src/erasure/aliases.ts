import { toBase64url, utf8 } from '../base/bytes.ts'
import type { ClassKey } from '../keys/class-key.ts'

/**
 * Names of erased rows as the log keeps them. The bodies of these entries stay, and so do the keys of lookups: under
 * its own name, a token that was deleted would go on telling whoever tries a list of addresses who was here. The key
 * of an alias is the person's and dies with it.
 */
const LABEL = 'privity/erased-row/v1\0'
const LENGTH = 16
const MARK = '#'

/** The alias of a name, by the tags of a person or, where these cannot be opened, of nobody. */
export function aliasOf({ tag }: Pick<ClassKey, 'tag'>, name: string): string {
  return `${MARK}${toBase64url(tag(utf8(`${LABEL}${name}`)).subarray(0, LENGTH))}`
}

/** Tells of names whether they are among those that entries gave, in the clear or as an alias. */
export function aliased(
  core: Pick<ClassKey, 'tag'>,
  names: ReadonlySet<string>,
): Pick<ReadonlySet<string>, 'has'> {
  if (names.size === 0) return names
  return { has: (name) => names.has(name) || names.has(aliasOf(core, name)) }
}
