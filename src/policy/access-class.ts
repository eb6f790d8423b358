import type { SpecialCategory } from './field.ts'

/** Fields of one record type that the same purposes may see: sealed together under one key. */
export interface AccessClass {
  /** Unique in the policy: `contact:marketing+support`, or `contact:care!health`. */
  readonly key: string
  readonly record: string
  /** Sorted. */
  readonly purposes: readonly string[]
  readonly special?: SpecialCategory
}

/** What decides the class of a field. */
export interface Classified {
  readonly purposes: readonly string[]
  readonly special?: SpecialCategory
}

/** Greatest number of access classes in one record type. */
export const MAX_CLASSES = 64

/** The class of a field in a record; its purposes are sorted. Names hold none of `:`, `+`, `!`. */
export function classKeyOf(record: string, { purposes, special }: Classified): string {
  const suffix = special === undefined ? '' : `!${special}`
  return `${record}:${purposes.join('+')}${suffix}`
}

/** Reads the key of a class, also of one that no policy has any more; undefined for what is none. */
export function parseClassKey(key: string): (Classified & { readonly record: string }) | undefined {
  const [, record, purposes, special] = /^([^:]+):([^!]*)(?:!(.+))?$/.exec(key) ?? []
  if (record === undefined || purposes === undefined) return undefined
  return {
    record,
    purposes: purposes === '' ? [] : purposes.split('+'),
    ...(special === undefined ? {} : { special: special as SpecialCategory }),
  }
}

/** The classes of a record's fields, each once, sorted by key. */
export function classesOf(record: string, fields: readonly Classified[]): readonly AccessClass[] {
  const classes = new Map(
    fields.map(({ purposes, special }) => {
      const key = classKeyOf(record, { purposes, ...(special === undefined ? {} : { special }) })
      const entry = { key, record, purposes, ...(special === undefined ? {} : { special }) }
      return [key, Object.freeze(entry)]
    }),
  )
  return [...classes.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
}
