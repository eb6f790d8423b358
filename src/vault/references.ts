import { PrivityError } from '../base/errors.ts'
import { isId } from '../base/id.ts'
import type { JsonValue } from '../base/canonical.ts'
import type { StoredFields } from '../policy/compiled.ts'
import { decodeContainer, SECTION } from '../storage/container.ts'
import type { Rows } from '../storage/participant.ts'
import type { Key } from '../storage/store.ts'
import type { Target, Vault } from './vault.ts'

/** Values that are written about a person. */
export interface Referring {
  readonly id: string
  readonly values: StoredFields
}

/** Rows of the people whom these values name: to be read, and held in the commit, since they may be of another log. */
export function referenceReads(
  { people }: Pick<Vault, 'people'>,
  { record }: Pick<Target, 'record'>,
  { id, values }: Referring,
): readonly Key[] {
  const others = namedBy(record, values).filter((name) => isId(name) && name !== id)
  return [...new Set(others)].map((name) => people.deps.keyspace.person(String(name)))
}

/**
 * Who is named has to be there: a reference that comes after an erasure would never be found again.
 *
 * @throws {@link not_found} · @throws {@link erased}
 */
export function requireReferred(
  { people }: Pick<Vault, 'people'>,
  { record }: Pick<Target, 'record'>,
  { id, values, rows }: Referring & { readonly rows: Rows },
): void {
  const { keyspace, controller } = people.deps
  for (const name of namedBy(record, values)) {
    if (name === id) continue
    const key = isId(name) ? keyspace.person(name) : undefined
    const document = key === undefined ? undefined : rows.get(key)
    if (key === undefined || document === undefined)
      throw new PrivityError('not_found', { kind: 'subject' })
    const fence = decodeContainer(document)?.find(({ kind }) => kind === SECTION.fence)
    if (fence === undefined) continue
    // As everywhere: whoever can write to the store must not be able to erase somebody by a mark.
    controller.open(key, fence.bytes)
    throw new PrivityError('erased', { kind: 'subject' })
  }
}

/** What is null names nobody. */
function namedBy(
  { fields }: Target['record'],
  values: StoredFields,
): readonly NonNullable<JsonValue>[] {
  return fields.flatMap(({ refs, id }) => {
    const value = refs === undefined ? undefined : values[id]
    return value === undefined || value === null ? [] : [value]
  })
}
