import type { CompiledLookup, parseLookupName } from '../policy/compiled-lookup.ts'
import { builtInById, normaliserId } from '../policy/normaliser.ts'

/** A lookup of an earlier policy, and how its tokens are made. */
export interface EarlierLookup extends Pick<CompiledLookup, 'kind' | 'length' | 'fields'> {
  readonly number: number
}

/** None unless it is made of the same fields in the same way, by rules that are still known. */
export function earlierLookup(
  { kind, length, fields }: CompiledLookup,
  name: NonNullable<ReturnType<typeof parseLookupName>>,
  number: number,
): readonly EarlierLookup[] {
  const ids = fields.map(({ id }) => id).join()
  if (name.kind !== kind || name.length !== length || name.fieldIds.join() !== ids) return []
  const known = fields.flatMap((field, at) => {
    const id = name.normalisers[at] ?? ''
    const normaliser = normaliserId(field.normaliser) === id ? field.normaliser : builtInById(id)
    return normaliser === undefined ? [] : [{ ...field, normaliser }]
  })
  return known.length === fields.length
    ? [{ kind, ...(length === undefined ? {} : { length }), fields: known, number }]
    : []
}
