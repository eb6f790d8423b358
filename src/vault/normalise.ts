import { lengthPrefixed, utf8 } from '../base/bytes.ts'
import type { JsonValue } from '../base/canonical.ts'
import { invalidInput } from '../base/errors.ts'
import type { CompiledLookup } from '../policy/compiled-lookup.ts'
import type { LookupField } from '../policy/record-lookups.ts'

/** A value of a record, by the id of its field. */
export type ValueAt = (fieldId: string) => JsonValue | undefined

/**
 * What a field's value is compared as. Undefined for what has no token: the empty, and what is neither text nor a
 * plain number or boolean.
 *
 * @throws {@link invalid_input} with `not_normalised` when the app's rule does not give a text
 */
export function normalise(
  { name, normaliser }: Pick<LookupField, 'name' | 'normaliser'>,
  value: JsonValue | undefined,
): string | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return `\0${value}`
  if (typeof value !== 'string') return undefined
  const text = attempt(() => normaliser.normalise(value))
  if (typeof text !== 'string' || !text.isWellFormed()) throw invalidInput([name], 'not_normalised')
  return text === '' ? undefined : text
}

/** The bytes that a lookup's token is made of; undefined when the record has no token there. */
export function lookupText(
  { kind, length, fields }: Pick<CompiledLookup, 'kind' | 'length' | 'fields'>,
  valueAt: ValueAt,
): Uint8Array | undefined {
  const texts = fields.map((field) => normalise(field, valueAt(field.id)))
  const [text] = texts
  if (text === undefined || texts.includes(undefined)) return undefined
  if (fields.length > 1) return lengthPrefixed(texts.map((part = '') => utf8(part)))
  if (length === undefined) return utf8(text)
  const part = partOf(kind, text, length)
  return part === undefined ? undefined : utf8(part)
}

/** The first or last characters of a text; undefined when it has fewer. A character is never cut in two. */
function partOf(kind: CompiledLookup['kind'], text: string, length: number): string | undefined {
  const characters = [...text]
  if (characters.length < length) return undefined
  return (kind === 'endsWith' ? characters.slice(-length) : characters.slice(0, length)).join('')
}

/** What a rule of the app throws may hold the value. */
function attempt(run: () => unknown): unknown {
  try {
    return run()
  } catch {
    return undefined
  }
}
