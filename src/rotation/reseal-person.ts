import type { JsonValue } from '../base/canonical.ts'
import { sameBytes } from '../base/bytes.ts'
import { chunksOf } from '../base/chunks-of.ts'
import { isPrivityError } from '../base/errors.ts'
import type { Rows } from '../storage/participant.ts'
import { readRows } from '../storage/read-rows.ts'
import type { Key } from '../storage/store.ts'
import type { Draft } from '../subjects/draft.ts'
import type { Person } from '../subjects/person.ts'
import { keepPersonUp } from '../subjects/upkeep.ts'
import { findRecord, recordReads } from '../vault/open-record.ts'
import { draftRecord } from '../vault/record-draft.ts'
import { openHeads, readHeads } from '../vault/record-heads.ts'
import { tokenReads } from '../vault/record-tokens.ts'
import { openSection, type SealedRecord } from '../vault/sections.ts'
import { underNewest } from '../vault/under-newest.ts'
import type { Target, Vault } from '../vault/vault.ts'
import { isUnreadableOrMissing } from './outcomes.ts'
import { findOutdated, type OutdatedRecord, pagesOf } from './outdated-records.ts'

/** Records of one person, by what became of them. */
export interface ResealedPerson {
  readonly resealed: number
  /** Of classes that this process was not given. */
  readonly unavailable: number
  readonly unreadable: number
}

/** Whose records are resealed, and as what. */
export interface Resealing {
  readonly vault: Vault
  readonly targets: readonly Target[]
  readonly signal: AbortSignal | undefined
}

type Count = { -readonly [K in keyof ResealedPerson]: ResealedPerson[K] }

/** Records in one commit. */
const BATCH = 32
/** Each time that records were written meanwhile, those were looked at again. */
const ROUNDS = 5

/**
 * Brings every record of a person to the layout and the lookups of the running policy.
 *
 * @throws {@link erased} · @throws {@link not_found} · @throws {@link policy_outdated}
 */
export async function resealPerson(resealing: Resealing, person: Person): Promise<ResealedPerson> {
  const count: Count = { resealed: 0, unavailable: 0, unreadable: 0 }
  let seen = person
  for (let round = 1; ; round += 1) {
    const left: Count = { resealed: 0, unavailable: 0, unreadable: 0 }
    const found = await readHeads(resealing.vault.people, seen)
    const records = findOutdated(resealing.vault, resealing.targets, found.heads)
    seen = found.person
    for (const some of chunksOf(records, BATCH))
      await resealSome(resealing, { person: seen, records: some }, left)
    count.resealed += left.resealed
    const done = left.resealed + left.unavailable + left.unreadable
    if (done >= records.length || round === ROUNDS)
      return { ...count, unavailable: left.unavailable, unreadable: left.unreadable }
    seen = (await resealing.vault.people.read(person.id, [], resealing.signal)).person
  }
}

interface Some {
  readonly person: Person
  readonly records: readonly OutdatedRecord[]
}

/** Together if that is possible, else one by one: what cannot be opened keeps none of the others back. */
async function resealSome(
  resealing: Resealing,
  { person, records }: Some,
  count: Count,
): Promise<void> {
  try {
    count.resealed += await underNewest(resealing.vault.lookups, () =>
      reseal(resealing, { person, records }),
    )
  } catch (error) {
    if (!isReasonToSplit(error)) throw error
    if (records.length === 1) {
      if (isPrivityError(error, 'key_unavailable')) count.unavailable += 1
      else if (!isUnreadableOrMissing(error)) throw error
      else if (await isUnchanged(resealing, person)) count.unreadable += 1
      return
    }
    for (const record of records) await resealSome(resealing, { person, records: [record] }, count)
  }
}

/** What was written meanwhile may not open by what was read before, and is looked at again. */
async function isUnchanged(
  { vault: { people }, signal }: Resealing,
  person: Person,
): Promise<boolean> {
  const { person: now } = await people.read(person.id, [], signal)
  return sameBytes(now.document, person.document)
}

/** `store_full` and `invalid_input`: together they may be more than one commit takes. */
function isReasonToSplit(error: unknown): boolean {
  if (!isPrivityError(error)) return false
  const { code } = error
  const isTooMuch = code === 'store_full' || code === 'invalid_input'
  return code === 'key_unavailable' || isTooMuch || isUnreadableOrMissing(error)
}

async function reseal({ vault, signal, targets }: Resealing, some: Some): Promise<number> {
  const { people } = vault
  const { id } = some.person
  const reads = await readsFor(vault, some)
  const pages = pagesOf(some.records)
  const revisions = new Map(some.records.map((record) => [nameOf(record), record.head.revision]))
  let done = 0
  await keepPersonUp(people, {
    id,
    signal,
    reads,
    policy: vault.policy.hash,
    plan: (person, rows) => {
      const outdated = findOutdated(vault, targets, openHeads(people, { person, pages }, rows))
      // What was written since has other values, and perhaps other rows to look at.
      const same = outdated.filter((it) => revisions.get(nameOf(it)) === it.head.revision)
      done = same.length
      if (same.length === 0) return undefined
      return {
        before: person,
        event: { type: 'records.resealed', records: same.length },
        edit: (draft, fresh) => renewAll(vault, { draft, rows: fresh, records: same }),
      }
    },
  })
  return done
}

interface Renewing {
  readonly draft: Draft
  readonly rows: Rows
  readonly records: readonly OutdatedRecord[]
}

function renewAll(vault: Vault, { draft, rows, records }: Renewing): void {
  for (const { target, recordId } of records)
    draftRecord(vault, target, { draft, rows, recordId }).renew()
}

function nameOf({ target, recordId = '' }: OutdatedRecord): string {
  return `${target.type}/${recordId}`
}

/** Pages, records, and rows of lookups: which ones those are, the values say. */
async function readsFor(vault: Vault, { person, records }: Some): Promise<readonly Key[]> {
  const { store } = vault.people.deps
  const { id } = person
  const keys = new Set(
    records.flatMap(({ target, recordId }) => recordReads(vault, target, { id, recordId })),
  )
  const rows = await readRows(store, [...keys])
  for (const { target, recordId } of records) {
    const [page = '', row = ''] = recordReads(vault, target, { id, recordId })
    const isUnique = target.record.lookups.some(({ kind }) => kind === 'unique')
    const values = isUnique
      ? valuesOf(
          person,
          findRecord(vault, target, {
            person,
            rows: { recordId, page: rows.get(page), row: rows.get(row) },
          }),
        )
      : {}
    for (const key of tokenReads(vault, target, values)) keys.add(key)
  }
  return [...keys]
}

function valuesOf(person: Person, record: SealedRecord): { readonly [id: string]: JsonValue } {
  const payloads = Object.keys(record.head.sections).map((name) =>
    openSection(record, Number(name), person.key(Number(name))),
  )
  return Object.assign({}, ...payloads)
}
