import type { JsonValue } from '../base/canonical.ts'
import { decidedEnds } from '../consent/basis-end.ts'
import type { ParsedChanges } from '../policy/compiled.ts'
import { assertRecordSize } from '../policy/record-size.ts'
import type { Rows } from '../storage/participant.ts'
import type { Draft } from '../subjects/draft.ts'
import { moveRecordDue } from '../subjects/due.ts'
import type { RecordHead, SectionFact } from '../subjects/head.ts'
import { headIn, putHead } from './draft-heads.ts'
import type { ValueAt } from './normalise.ts'
import { leftAfter } from './left.ts'
import { ownerAfter, saysOwner } from './owner.ts'
import { type Aging, type AgingRecord, retentionAfter } from './record-retention.ts'
import { hasSection, isOfLayout, sectionFact } from './section-facts.ts'
import { changeTokens, dropTokens } from './record-tokens.ts'
import {
  decodeRecord,
  encodeRecord,
  openSection,
  type Payload,
  type RecordPlace,
  sealSection,
} from './sections.ts'
import type { Target, Vault } from './vault.ts'
import { PrivityError } from '../base/errors.ts'

/** One record being changed in the draft of its person. */
export interface RecordDraft {
  /** As it stands before; undefined when there is none. */
  readonly head: RecordHead | undefined
  save(changes: ParsedChanges): void
  /** Carries out the end of some fields: they are unset, or set to what may stay of them. */
  end(changes: ParsedChanges): void
  /** Puts something else in the place of some values: the record ends when it would have ended. */
  replace(set: ParsedChanges['set']): void
  /** Remembers what the app tells of the record; without a time, that it has not happened after all. */
  tell(event: string, at: number | undefined): void
  /** Brings the record to the layout and the lookups of the running policy; values stay as they are. */
  renew(): void
  remove(): void
}

interface Input {
  readonly draft: Draft
  readonly rows: Rows
  readonly recordId: string | undefined
}

interface State {
  readonly vault: Vault
  readonly target: Target
  readonly draft: Draft
  readonly rows: Rows
  readonly place: RecordPlace
  readonly head: RecordHead | undefined
  readonly sections: Map<number, Uint8Array>
}

/** What is set and unset, and what becomes of the lookups. */
interface Saving extends ParsedChanges {
  readonly reindex: ReadonlySet<string> | 'all'
  readonly taken: 'refuse' | 'leave'
  readonly kind: Aging['kind']
}

/** Opens a record of the person for change. */
export function draftRecord(
  vault: Vault,
  target: Target,
  { draft, rows, recordId }: Input,
): RecordDraft {
  const { storeId, keyspace } = vault.people.deps
  const place = { storeId, personId: draft.id, type: target.type, recordId }
  const head = headIn(draft, rows, place)
  const row =
    recordId === undefined || head === undefined
      ? undefined
      : rows.get(keyspace.record(draft.id, target.type, recordId))
  const state: State = { vault, target, draft, rows, place, head, sections: decodeRecord(row) }
  return {
    head,
    save: (changes) => {
      // A write of nothing puts nothing off that is kept for a time after the last one.
      const isSame = head !== undefined && isNothing(changes)
      save(state, { ...changes, ...savingOf(changes, isSame ? 'renewed' : 'written') })
    },
    end: (changes) => save(state, { ...changes, ...savingOf(changes, 'ended') }),
    replace: (set) => {
      const reindex = new Set(Object.keys(set))
      save(state, { set, unset: [], reindex, taken: 'leave', kind: 'renewed' })
    },
    tell: (event, at) => tell(state, { event, at }),
    renew: () =>
      save(state, { set: {}, unset: [], reindex: 'all', taken: 'leave', kind: 'renewed' }),
    remove: () => remove(state),
  }
}

function isNothing({ set, unset }: ParsedChanges): boolean {
  return unset.length === 0 && Object.keys(set).length === 0
}

function savingOf(
  { set, unset }: ParsedChanges,
  kind: Aging['kind'],
): Pick<Saving, 'reindex' | 'taken' | 'kind'> {
  return { reindex: new Set([...Object.keys(set), ...unset]), taken: 'refuse', kind }
}

function save(state: State, { set, unset, kind, ...lookups }: Saving): void {
  const { vault, target, draft, head } = state
  const current = target.record.layout.id
  const classOf = (id: string): number | undefined => vault.layouts.classIn(current, id)
  const touched = new Set([...Object.keys(set), ...unset].flatMap((id) => classOf(id) ?? []))
  const outdated = head !== undefined && !isOfLayout(vault.layouts, head, current)
  const payloads = openPayloads(state, outdated ? undefined : touched)
  if (outdated) moveToLayout(payloads, classOf)
  for (const [id, value] of Object.entries(set)) payloadOf(payloads, classOf(id) ?? 0)[id] = value
  for (const id of unset) delete payloadOf(payloads, classOf(id) ?? 0)[id]
  const kept = Object.entries(head?.sections ?? {}).filter(
    ([accessClass]) => !payloads.has(Number(accessClass)),
  )
  const keptBytes = kept.reduce((sum, [name]) => sum + sectionSize(state, Number(name)), 0)
  assertRecordSize(Object.assign({}, ...payloads.values()), keptBytes)
  const sections = { ...Object.fromEntries(kept), ...sealPayloads(state, payloads) }
  const valueAt = valuesAfter(state, payloads, classOf)
  writeHead(state, {
    revision: draft.sequence,
    sections,
    ...changeTokens(state, { fieldIds: lookups.reindex, taken: lookups.taken, valueAt }),
    ...ownerAfter(target.record, head, (id) => {
      const isAsked = kind === 'renewed' && head !== undefined && !saysOwner(target.record, head)
      return isAsked || payloads.has(classOf(id) ?? -1) ? { value: valueAt(id) } : undefined
    }),
    ...retentionAfter(agingOf(state, sections), { kind, set: Object.keys(set), unset }),
    ...leftAfter(head, target.record.ownedBy, { kind, changed: [...Object.keys(set), ...unset] }),
  })
}

function tell(state: State, told: NonNullable<Aging['told']>): void {
  const { head } = state
  if (head === undefined) throw new PrivityError('not_found', { kind: 'record' })
  const aging = { kind: 'renewed', set: [], unset: [], told } as const
  writeHead(state, { ...head, ...retentionAfter(agingOf(state, head.sections), aging) })
}

function agingOf(state: State, sections: RecordHead['sections']): AgingRecord {
  const { vault, target, draft, head } = state
  return {
    rules: target.record.retention,
    before: head,
    at: draft.at,
    registeredAt: draft.head.registeredAt,
    purposeEnds: decidedEnds(vault.policy.purposes, draft.head),
    holds: (id) => hasSection(sections, id, vault.layouts),
  }
}

/** Values as they will be; a class that is not written is opened when a lookup asks for it. */
function valuesAfter(
  state: State,
  payloads: Payloads,
  classOf: (id: string) => number | undefined,
): ValueAt {
  const { head, place, draft } = state
  const section = (accessClass: number): Uint8Array | undefined => sealedOf(state, accessClass)
  const opened = new Map<number, Payload>(payloads)
  return (id) => {
    const accessClass = classOf(id)
    if (accessClass === undefined) return undefined
    const known = opened.get(accessClass)
    if (known !== undefined) return known[id]
    if (head?.sections[String(accessClass)] === undefined) return undefined
    const payload = openSection({ place, head, section }, accessClass, draft.key(accessClass))
    opened.set(accessClass, payload)
    return payload[id]
  }
}

function sealedOf({ draft, place, sections }: State, accessClass: number): Uint8Array | undefined {
  return place.recordId === undefined ? draft.section(accessClass) : sections.get(accessClass)
}

function sectionSize(state: State, accessClass: number): number {
  return sealedOf(state, accessClass)?.length ?? 0
}

type Payloads = Map<number, { [fieldId: string]: JsonValue }>

/** Undefined opens all: a record that an older policy wrote moves to the running layout as a whole. */
function openPayloads(state: State, touched: ReadonlySet<number> | undefined): Payloads {
  const { draft, head, place } = state
  const payloads: Payloads = new Map([...(touched ?? [])].map((accessClass) => [accessClass, {}]))
  const section = (accessClass: number): Uint8Array | undefined => sealedOf(state, accessClass)
  for (const name of Object.keys(head?.sections ?? {})) {
    const accessClass = Number(name)
    if (head === undefined || (touched !== undefined && !touched.has(accessClass))) continue
    payloads.set(accessClass, {
      ...openSection({ place, head, section }, accessClass, draft.key(accessClass)),
    })
  }
  return payloads
}

/** Fields go to the class that the running policy gives them; those that it does not know are carried along. */
function moveToLayout(payloads: Payloads, classOf: (id: string) => number | undefined): void {
  for (const [accessClass, payload] of [...payloads]) {
    for (const [id, value] of Object.entries(payload)) {
      const wanted = classOf(id) ?? accessClass
      if (wanted === accessClass) continue
      delete payload[id]
      payloadOf(payloads, wanted)[id] = value
    }
  }
}

function payloadOf(payloads: Payloads, accessClass: number): { [fieldId: string]: JsonValue } {
  const known = payloads.get(accessClass) ?? {}
  payloads.set(accessClass, known)
  return known
}

function sealPayloads(state: State, payloads: Payloads): RecordHead['sections'] {
  const { vault, draft, target, place, sections } = state
  const layout = target.record.layout.id
  const sealed: { [accessClass: string]: SectionFact } = {}
  for (const [accessClass, payload] of payloads) {
    const under = { accessClass, revision: draft.sequence, layout }
    const bytes = isEmpty(payload)
      ? undefined
      : sealSection(draft.key(accessClass), { place, ...under }, payload)
    if (bytes !== undefined)
      sealed[String(accessClass)] = sectionFact(vault.layouts, under, payload)
    if (place.recordId === undefined) draft.setSection(accessClass, bytes)
    else if (bytes === undefined) sections.delete(accessClass)
    else sections.set(accessClass, bytes)
  }
  return sealed
}

function isEmpty(payload: Payload): boolean {
  return Object.keys(payload).length === 0
}

function remove(state: State): void {
  const { vault, draft, head, place } = state
  const { recordId, type } = place
  if (head === undefined || recordId === undefined)
    throw new PrivityError('not_found', { kind: 'record' })
  dropTokens(state, head)
  draft.del(vault.people.deps.keyspace.record(draft.id, type, recordId))
  writeHead(state, undefined)
}

function writeHead(state: State, after: RecordHead | undefined): void {
  const { vault, draft, rows, place, head: before, sections } = state
  const { keyspace } = vault.people.deps
  const { type, recordId } = place
  moveRecordDue(draft, keyspace, { place, before, after })
  if (recordId !== undefined && after !== undefined)
    draft.put(keyspace.record(draft.id, type, recordId), encodeRecord(sections))
  putHead(draft, rows, { keyspace, place, before, after })
}
