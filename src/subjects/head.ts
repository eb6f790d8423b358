import { fromUtf8 } from '../base/bytes.ts'
import type { JsonObject, JsonValue } from '../base/canonical.ts'
import { PrivityError } from '../base/errors.ts'
import { ownBytes } from '../base/own-json.ts'

/**
 * What is decided on about a person, in one sealed section: consents, objections, restriction, and the
 * revision and layout of every other sealed section, so that an older copy of one does not open.
 *
 * Times are milliseconds since the epoch. Revisions are sequence numbers, which never repeat for a person.
 */
export interface Head {
  /** Of the last operation about this person. */
  readonly sequence: number
  /** Of the last operation about this person. */
  readonly at: number
  readonly registeredAt: number
  readonly jurisdiction?: string
  readonly externalId?: string
  /** Stands for the person in access logs; dies with this head. */
  readonly pseudonym: string
  readonly consents: { readonly [purpose: string]: ConsentFact }
  /** Since when, by purpose. */
  readonly objections: { readonly [purpose: string]: number }
  readonly restrictedAt?: number
  /** Dates at which something of the person as a whole falls due, by name. */
  readonly dues?: { readonly [name: string]: number }
  /** Legal holds, by id. */
  readonly holds?: { readonly [holdId: string]: HoldFact }
  /** Ids of those whom the records are about: this is no person, but a group of people. */
  readonly members?: readonly string[]
  /** Ids of the groups that this person is in, or was to be. */
  readonly groups?: readonly string[]
  /** Somebody was to be erased, and some data has to stay: it serves legal obligations only. */
  readonly closed?: ClosedFact
  /** Of the last decision of this person: the next one names it. */
  readonly lastReceipt?: string
  /** Single records by number of their type. */
  readonly singles: { readonly [type: string]: RecordHead }
  /** Revisions of the pages that hold the heads of `many` records. */
  readonly pages: { readonly [page: string]: number }
  /** How many records of each `many` type there are. */
  readonly many: { readonly [type: string]: number }
}

/** States of a consent, as the Data Privacy Vocabulary 2.3 names them. */
export type ConsentState =
  | 'requested'
  | 'deferred'
  | 'refused'
  | 'given'
  | 'renewed'
  | 'expired'
  | 'withdrawn'
  | 'revoked'
  | 'invalidated'
  | 'unknown'

/** Latest decision about one purpose. */
export interface ConsentFact {
  readonly state: ConsentState
  readonly at: number
  readonly validUntil?: number
  /** Policy under which it was given: it covers the fields that its purpose had there. */
  readonly policy: string
  /** Given to a purpose that asked for it in the explicit form of Art. 9(2)(a). */
  readonly explicit?: true
  /** Withdrawn while the purpose rested on another basis: a no only where it rests on consent. */
  readonly recorded?: true
  readonly notice?: NoticeFact
}

/** The notice that a decision was based on. */
export interface NoticeFact {
  readonly id: string
  /** Position among the versions of this notice, from 1. */
  readonly ordinal: number
  readonly hash: string
  readonly language?: string
}

/** What a section was sealed under, and ids of the fields in it that are none of its layout: they were carried along. */
export type SectionFact = readonly [revision: number, layout: string, carried?: readonly string[]]

/** Head of one record. */
export interface RecordHead {
  readonly revision: number
  /** By number of their access class. */
  readonly sections: { readonly [accessClass: string]: SectionFact }
  /** Lookup rows of this record: number, generation, token. */
  readonly tokens: readonly TokenFact[]
  /** Rows that keep a value to this record. */
  readonly claims?: readonly TokenFact[]
  /** Generation under which each lookup was last made, by its number, also where the value gave no token. */
  readonly indexed?: { readonly [lookup: string]: number }
  /** Whose part it is. Absent where that was not asked when it was written. */
  readonly owner?: OwnerFact
  readonly retention?: RetentionFacts
  /**
   * What was to go and had to stay: ids of fields that name somebody who is erased, and {@link WHOLE} or
   * {@link ORPHAN}.
   */
  readonly left?: readonly string[]
}

/** Of a record that was to go as a whole: no field has such an id. */
export const WHOLE = '*'
/** Of a part whose owner went, or was to. */
export const ORPHAN = '/'

/** Id of the field that names the owner of a record, and the record that it names: empty for none. */
export type OwnerFact = readonly [fieldId: string, recordId: string]

/** What may not be erased while a matter is open. */
export interface HoldFact {
  /** A word. */
  readonly matter: string
  readonly at: number
  readonly reviewAt: number
  /** By ids of fields. Absent: everything. */
  readonly items?: readonly HeldItem[]
}

/** Some records of a type, or some fields of them. */
export interface HeldItem {
  readonly record: string
  readonly recordId?: string
  readonly fieldIds?: readonly string[]
}

/** An erasure that could not be one of everything. */
export interface ClosedFact {
  readonly at: number
  /** A word, as it was given. */
  readonly reason: string
}

/** What the end of a record is counted from; only where the policy says something about that. */
export interface RetentionFacts {
  /** Id of the rules that this was kept for. */
  readonly rules: string
  readonly events: { readonly [event: string]: number }
  /** Ids of the fields whose end is to come; absent where all fields of the record end together. */
  readonly fields?: readonly string[]
  /** Where the row of the due index stands. */
  readonly due?: number
}

/** One row of a lookup. */
export type TokenFact = readonly [lookup: number, generation: number, token: string]

/** Heads of `many` records whose ids share two digits, by `type/record`. */
export interface Page {
  readonly records: { readonly [record: string]: RecordHead }
}

const VERSION = 1

/** The plaintext of a head. */
export function encodeHead(head: Head): Uint8Array {
  return encode(head)
}

/** @throws {@link unsupported_format} when a later version wrote it */
export function decodeHead(plaintext: Uint8Array): Head {
  return decode(plaintext, 'head') as Head
}

/** The plaintext of a page. */
export function encodePage(page: Page): Uint8Array {
  return encode(page)
}

/** @throws {@link unsupported_format} when a later version wrote it */
export function decodePage(plaintext: Uint8Array): Page {
  return decode(plaintext, 'page') as Page
}

function encode(value: Head | Page): Uint8Array {
  return ownBytes({ v: VERSION, ...value } as unknown as JsonObject)
}

function decode(plaintext: Uint8Array, what: string): unknown {
  const { v, ...value } = parse(plaintext)
  if (v === VERSION) return value
  throw new PrivityError('unsupported_format', { what, version: typeof v === 'number' ? v : 0 })
}

/** Opened bytes were written by this library: authenticated, so parsed without a schema. */
function parse(plaintext: Uint8Array): { readonly v?: JsonValue } {
  try {
    return Object(JSON.parse(fromUtf8(plaintext) ?? ''))
  } catch {
    // What the parser says quotes the plaintext.
    return {}
  }
}
