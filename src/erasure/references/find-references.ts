import type { CompiledLookup } from '../../policy/compiled-lookup.ts'
import type { CompiledField } from '../../policy/compiled.ts'
import type { Reference } from '../../policy/ownership.ts'
import type { LookupKey } from '../../storage/keyspace.ts'
import { type Place, placesOf, tokensOf } from '../../vault/lookup-places.ts'
import { targetsOf } from '../../vault/targets.ts'
import type { Target, Vault } from '../../vault/vault.ts'
import type { Search } from '../../vault/where.ts'

/** A field that names people, and the lookup that finds who names whom. */
export interface Referring {
  readonly target: Target
  readonly field: CompiledField
  readonly reference: Reference
  readonly lookup: CompiledLookup
}

/** Every such field of the running policy. */
export function referringFields(vault: Vault): readonly Referring[] {
  return targetsOf(vault).flatMap((target) => {
    const { fields, lookups } = target.record
    return fields.flatMap((field): readonly Referring[] => {
      const lookup = lookups.find((it) => isOfField(it, field))
      if (field.refs === undefined || lookup === undefined) return []
      return [{ target, field, reference: field.refs, lookup }]
    })
  })
}

/**
 * Records that may name somebody; tokens may be shared by chance, and a record may come twice. A page of them is in
 * memory. Whatever moves meanwhile moves to the newest key of the running lookup, which is asked last: whoever is not
 * met under an older one is met there.
 *
 * @throws {@link key_unavailable} when the lookup was not released to this process
 */
export async function* findReferences(
  vault: Vault,
  { target, lookup }: Pick<Referring, 'target' | 'lookup'>,
  subjectId: string,
): AsyncGenerator<Place> {
  const { lookups } = vault
  const [field] = lookup.fields
  if (field === undefined) return
  const search: Search = {
    lookup,
    terms: [{ field, kind: 'whole', value: subjectId, text: subjectId }],
  }
  const asked = new Set<string>()
  if (!lookups.isReady(lookup)) await lookups.follow(lookup)
  for (let isNew = true; isNew; ) {
    const { version } = lookups
    for (const token of inOrder(tokensOf(vault, target, search), lookups.numberOf(lookup))) {
      const slot = `${token.lookup}/${token.generation}`
      if (!asked.has(slot)) yield* placesOf(vault, token, undefined)
      asked.add(slot)
    }
    await lookups.follow(lookup)
    isNew = lookups.version !== version
  }
}

/** Those of earlier policies first; the generations of each are in their order. */
function inOrder(tokens: readonly LookupKey[], running: number): readonly LookupKey[] {
  const isRunning = ({ lookup }: LookupKey): boolean => lookup === running
  return [...tokens.filter((token) => !isRunning(token)), ...tokens.filter(isRunning)]
}

function isOfField({ kind, fields }: CompiledLookup, { id }: CompiledField): boolean {
  return kind === 'whole' && fields.length === 1 && fields[0]?.id === id
}
