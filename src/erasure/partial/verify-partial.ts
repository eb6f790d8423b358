import { fromBase64url } from '../../base/bytes.ts'
import { toHex } from '../../base/bytes.ts'
import { ifOpens } from '../../base/if-opens.ts'
import { openEnvelope, ROW_KIND } from '../../keys/envelope.ts'
import { keysOfClass } from '../../keys/key-ring.ts'
import { SINGLE } from '../../storage/keyspace.ts'
import { ownEntries } from '../../subjects/own-entries.ts'
import type { Person } from '../../subjects/person.ts'
import type { Vault } from '../../vault/vault.ts'
import type { Exclusion } from '../exclusion.ts'
import type { PartialFindings, PartialTotals } from './findings.ts'
import { type Look, lookOver } from './look.ts'
import type { PartialDeps } from './partial-deps.ts'
import type { PartialJob } from './partial-job.ts'
import { heldKey, stayingOf } from './plan-partial.ts'
import { isRenewed, oldNames } from './renewal.ts'
import { resolveRule } from './resolve-rule.ts'
import type { Probe } from './state.ts'
import { isTaking } from './work.ts'

const NAMED = 'lookup digests in the log of the person'
const EVENT = 'fields.erased'
const NOTHING: PartialTotals = { values: 0, records: 0, lookupRows: 0, keys: 0 }

/** Looks again for all that was to go: fields, lookup rows, keys, and what the keys would open. */
export async function verifyPartial(
  deps: PartialDeps,
  { job }: PartialJob,
): Promise<PartialFindings> {
  const { vault } = deps
  const { subjectId, erasureId, partial } = job
  const { renewals = [], attached = [], probes = [], sequence } = partial
  const rule = await resolveRule(deps.journal, partial.rule)
  const look = await lookOver({ ...deps, subjectId, rule, orphans: partial.orphans })
  const own = await ownTotals(vault, look, { erasureId, sequence })
  const opened = probes.filter((probe) => opens(vault, look.person, probe))
  const row = await vault.people.deps.keyRows?.read(subjectId)
  const names = new Set(renewals.flatMap(oldNames).map(({ keyId }) => toHex(keyId)))
  const stored = row?.entries.filter(({ keyId }) => names.has(toHex(keyId))) ?? []
  return {
    isGone: !look.works.some(isTaking) && !own.isRowLeft,
    isKeyGone:
      opened.length + stored.length === 0 &&
      renewals.every((renewal) => isRenewed(look.person.ring, renewal)),
    decryptProbes: probes.length,
    totals: own.totals,
    parts: own.parts,
    exclusions: [
      ...stayingOf(vault, look),
      ...unreadOf(vault, look),
      ...attached.map((accessClass) => heldKey(vault.layouts.nameOfClass(accessClass))),
      ...(own.totals.lookupRows > 0 ? [inTheLog(own.totals.lookupRows)] : []),
    ],
  }
}

/** The log goes with the person: until then it names the rows that it saw put and deleted. */
function inTheLog(count: number): Exclusion {
  return { what: NAMED, count, ground: 'evidence' }
}

/** Sections that nobody opens any more: their key went with what was erased before. */
function unreadOf({ layouts }: Vault, { works }: Look): readonly Exclusion[] {
  const counts = new Map<string, number>()
  for (const accessClass of works.flatMap(({ unread }) => unread.classes)) {
    const what = `sealed under the key of ${layouts.nameOfClass(accessClass)}`
    counts.set(what, (counts.get(what) ?? 0) + 1)
  }
  return [...counts].map(([what, count]) => ({ what, count, ground: 'unreadable' }))
}

interface Own {
  readonly totals: PartialTotals
  readonly parts: readonly number[]
  /** A lookup row that was deleted is there, and no record says that it should be. */
  readonly isRowLeft: boolean
}

async function ownTotals(
  { people }: Vault,
  { person, records }: Look,
  { erasureId, sequence }: { readonly erasureId: string; readonly sequence: number },
): Promise<Own> {
  const { store, keyspace } = people.deps
  const deleted: string[] = []
  const parts: number[] = []
  let totals = NOTHING
  for await (const { event, rows } of ownEntries(people, person, sequence)) {
    if (event['type'] !== EVENT || event['erasureId'] !== erasureId) continue
    totals = addTotals(totals, event)
    if (typeof event['intent'] === 'number') parts.push(event['intent'])
    for (const [name, digest] of rows)
      if (digest === null && name.startsWith('t/')) deleted.push(`${keyspace.prefix}${name}`)
  }
  const values = deleted.length === 0 ? [] : await store.read(deleted)
  const wanted = new Set(
    records.flatMap(({ recordId = SINGLE, head }) =>
      head.tokens.map(([lookup, generation, token]) =>
        keyspace.token({ lookup, generation, token }, person.id, recordId),
      ),
    ),
  )
  const isRowLeft = deleted.some((key, at) => values[at] !== undefined && !wanted.has(key))
  return { totals, parts, isRowLeft }
}

function addTotals(
  { values, records, lookupRows, keys }: PartialTotals,
  event: { readonly [name: string]: unknown },
): PartialTotals {
  const removed = Object.values(Object(event['records'])).map(Number)
  return {
    values: values + Number(event['values']),
    records: records + removed.reduce((sum, count) => sum + count, 0),
    lookupRows: lookupRows + Number(event['lookupRows']),
    keys: keys + Number(event['keys']),
  }
}

/** Whether a copy from before opens with any key of its class that is left. */
function opens({ people }: Vault, person: Person, probe: Probe): boolean {
  const { storeId, keys } = people.deps
  const { accessClass, type, recordId, revision, layout } = probe
  const place = { storeId, personId: person.id, accessClass, recordType: type, layout, revision }
  const context =
    recordId === undefined
      ? { ...place, kind: ROW_KIND.fields }
      : { ...place, kind: ROW_KIND.record, recordId }
  const sealed = fromBase64url(probe.sealed) ?? new Uint8Array(0)
  return keysOfClass(person.ring, accessClass).some((entry) => {
    const opened = ifOpens(() => openEnvelope(keys.open(person.id, entry), context, sealed))
    return opened !== undefined
  })
}
