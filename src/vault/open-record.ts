import type { JsonValue } from '../base/canonical.ts'
import { PrivityError } from '../base/errors.ts'
import { type Concerned, headsOf } from '../permit/concerned.ts'
import type { CompiledField, PlanField } from '../policy/compiled.ts'
import type { Key } from '../storage/store.ts'
import { decodePage, type RecordHead } from '../subjects/head.ts'
import { openEnvelope, ROW_KIND } from '../keys/envelope.ts'
import { CORE } from '../policy/catalogue.ts'
import type { Person } from '../subjects/person.ts'
import { mayHold } from './section-facts.ts'
import { decodeRecord, openSection, type SealedRecord } from './sections.ts'
import type { Target, Vault } from './vault.ts'
import type { Values } from './view.ts'

/** Name of the page that holds the head of a `many` record. */
export function pageOf(recordId: string): string {
  return recordId.slice(0, 2)
}

/** Name of a `many` record within its page. */
export function pageEntry(type: number, recordId: string): string {
  return `${type}/${recordId}`
}

/** A record type and its number. */
export type RecordType = Pick<Target, 'record' | 'type'>

/** Rows to read together with the person document. */
export function recordReads(
  vault: Vault,
  target: RecordType,
  { id, recordId }: { readonly id: string; readonly recordId: string | undefined },
): readonly Key[] {
  if (recordId === undefined) return []
  const { keyspace } = vault.people.deps
  return [keyspace.page(id, pageOf(recordId)), keyspace.record(id, target.type, recordId)]
}

/** Rows as read for {@link recordReads}. */
export interface RecordRows {
  readonly recordId: string | undefined
  readonly page: Uint8Array | undefined
  readonly row: Uint8Array | undefined
}

/**
 * Finds the sealed record of a person by what the head says of it.
 *
 * @throws {@link not_found} when the head knows of none
 */
export function findRecord(
  { people }: Vault,
  target: RecordType,
  { person, rows }: { readonly person: Person; readonly rows: RecordRows },
): SealedRecord {
  const { storeId } = people.deps
  const { recordId } = rows
  const place = { storeId, personId: person.id, type: target.type, recordId }
  const head =
    recordId === undefined
      ? person.head.singles[String(target.type)]
      : manyHead(storeId, target, { person, rows, recordId })
  if (head === undefined) throw new PrivityError('not_found', { kind: 'record' })
  if (recordId === undefined) {
    return {
      place,
      head,
      section: (wanted) => person.sections.find(({ accessClass }) => accessClass === wanted)?.bytes,
    }
  }
  const sections = decodeRecord(rows.row)
  return { place, head, section: (accessClass) => sections.get(accessClass) }
}

function manyHead(
  storeId: string,
  { type }: RecordType,
  {
    person,
    rows,
    recordId,
  }: { readonly person: Person; readonly rows: RecordRows; readonly recordId: string },
): RecordHead | undefined {
  const name = pageOf(recordId)
  const revision = person.head.pages[name]
  if (revision === undefined) return undefined
  if (rows.page === undefined) throw new PrivityError('store_corrupt', { reason: 'missing_page' })
  const context = {
    kind: ROW_KIND.page,
    storeId,
    personId: person.id,
    accessClass: CORE,
    recordId: name,
    revision,
  }
  return decodePage(openEnvelope(person.core, context, rows.page)).records[
    pageEntry(type, recordId)
  ]
}

/** Opened fields, and what had to be opened for them. */
export interface OpenedRecord {
  readonly values: Values
  readonly revision: number
  readonly classes: readonly number[]
}

/** Opens the classes that hold these fields, under the layouts that they were written in. */
export function openRecord(
  { layouts }: Vault,
  target: RecordType,
  {
    person,
    record,
    fields,
  }: {
    readonly person: Person
    readonly record: SealedRecord
    readonly fields: readonly CompiledField[]
  },
): OpenedRecord {
  const current = target.record.layout.id
  const classes: number[] = []
  const values = new Map<string, JsonValue>()
  for (const [name, fact] of Object.entries(record.head.sections)) {
    const accessClass = Number(name)
    const holds = ({ id }: CompiledField): boolean =>
      layouts.classIn(current, id) === accessClass || mayHold(layouts, { accessClass, fact }, id)
    if (!fields.some(holds)) continue
    classes.push(accessClass)
    const payload = openSection(record, accessClass, person.key(accessClass))
    for (const { id } of fields) {
      const value = Object.hasOwn(payload, id) ? payload[id] : undefined
      if (value !== undefined) values.set(id, value)
    }
  }
  return { values, revision: record.head.revision, classes }
}

/** Fields that the purpose may see of all whom they are about: a consent covers what its purpose had when it was given. */
export function visibleFields(
  { layouts, policy }: Vault,
  { plan, record }: Target,
  concerned: Concerned,
): readonly PlanField[] {
  if (policy.purposes.get(plan.purpose)?.basis !== 'consent') return plan.fields
  const others = headsOf(concerned)
    .map((head) => head.consents[plan.purpose]?.policy)
    .filter((under) => under !== policy.hash)
  if (others.length === 0) return plan.fields
  const covered = others.map((under) => layouts.covered(under ?? '', plan.purpose, record.name))
  return plan.fields.filter(({ id }) => covered.every((ids) => ids.has(id)))
}

/** Fetches layouts, policies and class keys of other processes that this person's rows refer to. */
export async function ensureKnown(
  { layouts, people }: Vault,
  {
    person,
    record,
    purpose,
    concerned,
  }: {
    readonly person: Person
    readonly record: SealedRecord
    /** Consents to it decide which fields are seen. */
    readonly purpose: string | undefined
    /** Whose consents. */
    readonly concerned?: Concerned
  },
): Promise<void> {
  const used = Object.values(record.head.sections).map(([, layout]) => layout)
  const unknown = used.filter((layout) => !layouts.isKnown(layout))
  const consents = purpose === undefined ? [] : headsOf(concerned ?? person)
  const policies = consents.flatMap(({ consents: { [purpose ?? '']: consent } }) => {
    const under = consent?.policy ?? ''
    return under === '' || layouts.isKnownPolicy(under) ? [] : [under]
  })
  if (unknown.length + policies.length === 0) return
  await layouts.load({ layouts: unknown, policies })
  await people.deps.keys.load(person.ring)
}
