import * as z from 'zod/mini'
import { isId } from '../base/id.ts'

/** A part of a person that goes, as it was decided: words that the policy declares and random ids, no values. */
export interface ErasedPart {
  /** Sequence of the person up to which it is meant: what was written later is not. */
  readonly upTo: number
  readonly items: readonly ErasedItem[]
  /** Somebody is closed with it; the date is when the first of the rest may go. */
  readonly closes?: { readonly reason: string; readonly until?: number }
  /** What hooks are told, before the first of them runs. */
  readonly hooks?: { readonly records: readonly NamedPart[] }
}

/** Some records of one type that lose the same. */
export interface ErasedItem {
  readonly record: string
  /** Absent for the single record of a type. */
  readonly ids?: readonly string[]
  /** Absent: the records as a whole. */
  readonly fieldIds?: readonly string[]
}

/** A part as hooks know it, by the names of fields. */
export interface NamedPart {
  readonly record: string
  readonly recordId?: string
  readonly fields?: readonly string[]
}

const count = z.int().check(z.nonnegative())
const words = z.array(z.string())

const erasedPart = z.strictObject({
  upTo: count,
  items: z.array(
    z.strictObject({
      record: z.string(),
      ids: z.exactOptional(z.array(z.string().check(z.refine(isId)))),
      fieldIds: z.exactOptional(words),
    }),
  ),
  closes: z.exactOptional(z.strictObject({ reason: z.string(), until: z.exactOptional(count) })),
  hooks: z.exactOptional(
    z.strictObject({
      records: z.array(
        z.strictObject({
          record: z.string(),
          recordId: z.exactOptional(z.string()),
          fields: z.exactOptional(words),
        }),
      ),
    }),
  ),
})

/** A part as it stands in an entry; undefined for what is none. Pure. */
export function readPart(value: unknown): ErasedPart | undefined {
  return z.safeParse(erasedPart, value).data
}

/** Numbers of entries; undefined for what is none. Pure. */
export function readNumbers(value: unknown): readonly number[] | undefined {
  return z.safeParse(z.array(count), value).data
}
