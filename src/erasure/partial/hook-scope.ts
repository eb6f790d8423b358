import type { HookScope } from '../hook.ts'
import { entryOf, type Look } from './look.ts'
import { isTaking, type RecordWork } from './work.ts'

type Scoped = HookScope['records'][number]

/** Parts that a hook is told one by one. */
const MAX_PARTS = 1_000

/**
 * What is erased, for hooks: by type where all records of it lose the same, else record by record, since a hook must
 * erase nothing that stays. Undefined for more than 1,000 parts. Pure.
 */
export function hookScopeOf(
  { works, records }: Look,
  nameOf: (record: string, fieldId: string) => string,
): HookScope | undefined {
  const taken = works.filter(isTaking)
  const types = new Map<number, RecordWork[]>()
  for (const work of taken) {
    const { type } = work.sealed.place
    types.set(type, [...(types.get(type) ?? []), work])
  }
  const parts = [...types].flatMap(([type, some]) => {
    const all = records.filter((record) => record.type === type)
    const scoped = some.map((work) => scopedBy(work, nameOf))
    const [first] = scoped
    const isUniform =
      all.length === new Set(some.map(({ sealed }) => entryOf(sealed.place))).size &&
      new Set(scoped.map(({ fields }) => JSON.stringify(fields ?? null))).size === 1
    if (!isUniform || first === undefined) return scoped
    const { recordId: _, ...whole } = first
    return [whole]
  })
  return parts.length > MAX_PARTS ? undefined : { records: parts }
}

function scopedBy(
  { name: { record, recordId }, removes, gone }: RecordWork,
  nameOf: (record: string, fieldId: string) => string,
): Scoped {
  return {
    record,
    ...(recordId === undefined ? {} : { recordId }),
    ...(removes
      ? {}
      : {
          fields: [...gone.values()]
            .flat()
            .map((id) => nameOf(record, id))
            .sort(),
        }),
  }
}
