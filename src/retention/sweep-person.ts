import { earliest } from '../base/earliest.ts'
import { isPrivityError } from '../base/errors.ts'
import { BASIS_DUE } from '../consent/ending.ts'
import { eraseByRule } from '../erasure/erase-by-rule.ts'
import type { Erasure } from '../erasure/erasure.ts'
import { placedHeads } from '../erasure/partial/look.ts'
import type { ErasureDeps } from '../erasure/erasure-deps.ts'
import { CLOSED_DUE } from '../subjects/closing.ts'
import { dueOfPerson } from '../subjects/due.ts'
import type { Head } from '../subjects/head.ts'
import { isKeptByMember } from '../subjects/holds.ts'
import type { Person } from '../subjects/person.ts'
import { readHeads, type RecordHeads } from '../vault/record-heads.ts'
import { isLeftBehind } from '../vault/left.ts'
import type { Vault } from '../vault/vault.ts'
import { anonymiseFields } from './anonymise.ts'
import { clearLeft } from './clear-left.ts'
import { type EndedRecord, endedRecords } from './ended-records.ts'
import { settleDues } from './settle-dues.ts'

/** What sweeping needs. */
export interface SweepDeps extends ErasureDeps {
  readonly erasure: Pick<Erasure, 'erase'>
}

/** What became of one person. */
export interface SweptPerson {
  readonly isDue: boolean
  /** Records that came to their end, or part of them. */
  readonly records: number
  readonly isErased: boolean
  readonly isKept: boolean
}

const REASONS = {
  ended: 'basis_ended',
  due: 'retention_ended',
  left: 'retention_ended',
} as const
const NOTHING: SweptPerson = { isDue: false, records: 0, isErased: false, isKept: false }

/** Carries out everything that is due of a person. */
export async function sweepPerson(
  deps: SweepDeps,
  id: string,
  signal: AbortSignal | undefined,
): Promise<SweptPerson> {
  const { people } = deps.vault
  const now = people.now()
  const { person } = await people.read(id, [], signal)
  const { closed, restrictedAt } = person.head
  const names = dueNames(person.head, now)
  // What is restricted is neither used nor erased: Article 18(2) GDPR.
  if (restrictedAt !== undefined) return { ...NOTHING, isDue: true, isKept: true }
  // And what is shared is kept with each of its members.
  if (await isKeptByMember(people, person.head)) return { ...NOTHING, isDue: true, isKept: true }
  if (closed !== undefined && names.includes(CLOSED_DUE)) return eraseRest(deps, id, closed.reason)
  const { ended, heads } = await lookAt(deps, person)
  const occasion = String(dueOfPerson(person.head))
  for (const { target, recordId, anonymise } of ended)
    if (anonymise.length > 0)
      await anonymiseFields(deps, target, { id, recordId, fieldIds: anonymise })
  if (ended.some(({ erase }) => erase.length > 0))
    await eraseOwn(deps, person, { rule: 'due', occasion: occasionOf(ended) })
  const isEnded =
    names.includes(BASIS_DUE) && (await eraseOwn(deps, person, { rule: 'ended', occasion }))
  const left = await clearLeft(deps, { id, heads, signal })
  const isBehind = placedHeads(heads).some(({ head }) => isLeftBehind(head))
  const isLeftGone = isBehind && (await eraseOwn(deps, person, { rule: 'left', occasion }))
  await settleDues(deps, id, ended)
  const done = ended.filter(({ erase, anonymise }) => erase.length + anonymise.length > 0)
  return {
    isDue: ended.length + left.length > 0 || isEnded || isLeftGone,
    records: done.length + left.filter((it) => it === 'done').length,
    isErased: false,
    isKept: ended.some(({ isKept }) => isKept) || left.includes('kept'),
  }
}

/** Tells whether a date of the person has come that a sweep can do anything about: a review is for people to do. */
export function isForSweep(head: Head, now: number): boolean {
  return dueNames(head, now).some((name) => name === CLOSED_DUE || name === BASIS_DUE)
}

function dueNames({ dues = {} }: Head, now: number): readonly string[] {
  return Object.entries(dues).flatMap(([name, at]) => (at <= now ? [name] : []))
}

interface Seen {
  readonly ended: readonly EndedRecord[]
  readonly heads: RecordHeads
}

async function lookAt({ vault, keptOf }: SweepDeps, before: Person): Promise<Seen> {
  const { people } = vault
  const { person, heads } = await readHeads(people, before)
  const looked = { person, heads, kept: keptOf(person, heads) }
  return { ended: endedRecords(vault, looked, people.now()), heads }
}

interface Own {
  readonly rule: keyof typeof REASONS
  readonly occasion: string
}

function eraseOwn(
  deps: SweepDeps,
  { id: subjectId }: Person,
  { rule, occasion }: Own,
): Promise<boolean> {
  const reason = REASONS[rule]
  return eraseByRule(deps, { subjectId, reason, rule: { kind: rule }, occasion })
}

/** The earliest of what is due: it stays the same until that is done. */
function occasionOf(ended: readonly EndedRecord[]): string {
  return String(earliest(ended.map(({ dueAt }) => dueAt)))
}

/** What had to stay of somebody who was to be erased may be free to go now. */
async function eraseRest(
  { erasure, vault }: SweepDeps,
  id: string,
  reason: string,
): Promise<SweptPerson> {
  await erasure.erase(id, { reason })
  const isErased = await isGone(vault, id)
  return { isDue: true, records: 0, isErased, isKept: !isErased }
}

async function isGone({ people }: Vault, id: string): Promise<boolean> {
  try {
    await people.read(id)
    return false
  } catch (error) {
    if (isPrivityError(error, 'erased')) return true
    throw error
  }
}
