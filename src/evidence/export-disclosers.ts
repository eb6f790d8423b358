import { PrivityError } from '../base/errors.ts'
import { openEnvelope } from '../keys/envelope.ts'
import type { LogHead } from '../ledger/log-head.ts'
import type { People } from '../subjects/people.ts'
import { bodyContext } from '../subjects/person-entry.ts'
import type { Person } from '../subjects/person.ts'
import type { Accessed } from './export-accesses.ts'
import type { Discloser } from './export-bodies.ts'
import type { VerifyStoreDeps } from './verify-store.ts'

/** Whose entries are exported: a person's, or the controller's. */
export interface Told extends Discloser {
  /** A copy. */
  tagKey(): Uint8Array
}

/** A person whose evidence is exported. */
export interface Disclosed extends Told, Accessed {}

/** What opening entries needs. */
export interface DiscloseDeps extends VerifyStoreDeps {
  /** Absent while the store is in quarantine: nobody's entries are opened then. */
  readonly people: People | undefined
}

/**
 * The people whose entries are disclosed.
 *
 * @throws {@link not_found} when a person was never registered
 * @throws {@link erased} when a person was erased
 */
export async function openDisclosed(
  { people, ledger, check }: DiscloseDeps,
  ids: readonly string[],
): Promise<readonly Disclosed[]> {
  const disclosed: Disclosed[] = []
  for (const id of ids) {
    if (people === undefined) {
      ledger.quarantine.check()
      check?.()
      throw new PrivityError('not_found', { kind: 'subject' })
    }
    disclosed.push(disclosedPerson(people, (await people.read(id)).person))
  }
  return disclosed
}

/** The controller, as far as its entries go in this head. */
export function controllerDiscloser(
  { keyspace, controller }: DiscloseDeps,
  { state }: LogHead,
): Told {
  const { controllerSequence: count } = state
  return {
    first: 0,
    atLeast: typeof count === 'number' ? count : 0,
    tag: controller.leaf,
    tagKey: controller.leafKey,
    key: keyspace.controllerBody,
    open: (sequence, sealed) => controller.open(keyspace.controllerBody(sequence), sealed),
    missing: async () => undefined,
  }
}

function disclosedPerson(people: People, { id, head, core }: Person): Disclosed {
  const { keyspace, storeId } = people.deps
  return {
    id,
    pseudonym: head.pseudonym,
    first: 1,
    atLeast: head.sequence,
    tag: core.tag,
    tagKey: core.tagKey,
    key: (sequence) => keyspace.body(id, sequence),
    open: (sequence, sealed) => openEnvelope(core, bodyContext(storeId, id, sequence), sealed),
    missing: async () => {
      await people.read(id)
    },
  }
}
