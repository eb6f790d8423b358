import type { Audit } from '../audit/audit.ts'
import type { Access } from '../audit/segment.ts'
import { type DenialReason, isPrivityError, type PrivityError } from '../base/errors.ts'
import type { Key } from '../storage/store.ts'
import type { Head } from '../subjects/head.ts'
import type { People } from '../subjects/people.ts'
import type { Person } from '../subjects/person.ts'
import type { ParsedAsk } from './ask.ts'
import { type Concerned, concernedOf, idsOf, trailsOf } from './concerned.ts'
import { notPermitted, type Permit } from './permit.ts'

/** What admitting needs. */
export interface AdmitDeps {
  readonly people: People
  readonly permit: Permit
  readonly audit: Audit
}

/** Who wants to get at what of whom. */
export interface Admission {
  readonly ask: ParsedAsk
  readonly id: string
  /** What the access log says was looked at. */
  readonly record: string
  /** Rows to read in the same snapshot. */
  readonly also?: readonly Key[]
  readonly signal?: AbortSignal | undefined
}

/** A person whom the actor may look at now. */
export interface Admitted {
  readonly person: Person
  readonly concerned: Concerned
  /** What was asked for in `also`. */
  readonly rows: readonly (Uint8Array | undefined)[]
  /** Logs the access; before its data is returned. */
  log(classes: readonly number[]): Promise<void>
  /** Logs that it was refused after all, and gives the error to throw. */
  refuse(reasons: readonly DenialReason[]): Promise<PrivityError>
}

/**
 * Reads a person and decides. A refusal is logged, as far as the store lets it, and thrown in any case.
 *
 * @throws {@link not_permitted} with all reasons · @throws {@link not_found} · @throws {@link erased}
 */
export async function admit(deps: AdmitDeps, admission: Admission): Promise<Admitted> {
  const { people, permit, audit } = deps
  const { ask, id, also = [], signal } = admission
  const decisive = permit.readsFor(ask)
  const { person, rows } = await people.read(id, [...decisive, ...also], signal)
  const notices = decisive.length === 0 ? undefined : rows[0]
  const concerned = await concernedOf(people, person, signal)
  const related = await permit.related(ask, idsOf(person), signal)
  const trails = trailsOf(concerned).map((head) => accessOf(deps, admission, head))
  async function log(outcome: Partial<Access>): Promise<void> {
    await Promise.all(trails.map((access) => audit.record({ ...access, ...outcome })))
  }
  async function refuse(reasons: readonly DenialReason[]): Promise<PrivityError> {
    await logged(log({ action: 'refused', reasons }))
    return notPermitted(ask.name, reasons)
  }
  const { allowed, reasons } = permit.decide(ask, { concerned, notices, related })
  if (!allowed) throw await refuse(reasons)
  return {
    person,
    concerned,
    rows: rows.slice(decisive.length),
    log: (classes) => log({ classes }),
    refuse,
  }
}

function accessOf({ people }: AdmitDeps, { ask, record }: Admission, head: Head): Access {
  return {
    pseudonym: head.pseudonym,
    actor: { id: ask.actor.id, roles: ask.actor.roles },
    purpose: ask.name,
    action: 'read',
    record,
    classes: [],
    head: head.sequence,
    at: people.deps.clock.now(),
    ...(ask.task === undefined ? {} : { task: ask.task }),
  }
}

async function logged(recording: Promise<void>): Promise<void> {
  try {
    await recording
  } catch (error) {
    if (!isPrivityError(error)) throw error
  }
}
