import type { JsonObject } from '../base/canonical.ts'
import type { ClassKey } from '../keys/class-key.ts'
import { type EnvelopeContext, ROW_KIND, sealEnvelope } from '../keys/envelope.ts'
import type { Entry } from '../ledger/entry.ts'
import { CORE } from '../policy/catalogue.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { Draft } from './draft.ts'

/** What the log is told of a change to a person. */
export interface EntryInput {
  readonly draft: Draft
  readonly core: ClassKey
  readonly event: JsonObject
  readonly replaces: Uint8Array | undefined
  readonly policy: string | undefined
}

/** The entry of a change to a person. */
export function personEntry(
  { storeId, keyspace }: { readonly storeId: string; readonly keyspace: Keyspace },
  { draft, core, event, replaces, policy }: EntryInput,
): Entry {
  const { id, sequence, at, wraps } = draft
  const context = bodyContext(storeId, id, sequence)
  return {
    kind: 'person',
    bodyKey: keyspace.body(id, sequence),
    sequence,
    at,
    event,
    replaces,
    policy,
    wraps,
    tag: core.tag,
    seal: (body) => sealEnvelope(core, context, body),
  }
}

/** Context of the body of a ledger entry: written once, so without a revision. */
export function bodyContext(storeId: string, personId: string, sequence: number): EnvelopeContext {
  return {
    kind: ROW_KIND.body,
    storeId,
    personId,
    accessClass: CORE,
    recordId: String(sequence),
    revision: 0,
  }
}
