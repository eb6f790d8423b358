import { chunksOf } from '../base/chunks-of.ts'
import { isPrivityError } from '../base/errors.ts'
import { isId } from '../base/id.ts'
import { ensureKnown, findRecord, openRecord, pageEntry, recordReads } from './open-record.ts'
import { ownerIn, type SeenOwners } from './owner.ts'
import type { PartTarget } from './parts.ts'
import { headsOfType, type RecordHeads } from './record-heads.ts'
import type { Vault } from './vault.ts'

/** Records whose heads do not say whose part they are, and of whom. */
export interface OwnerLook {
  readonly id: string
  readonly heads: RecordHeads
  readonly targets: readonly PartTarget[]
  readonly signal?: AbortSignal | undefined
}

interface Silent {
  readonly target: PartTarget
  readonly recordId: string
}

/** Records that are read at a time. */
const CHUNK = 64
const NOTHING: SeenOwners = new Map()

/**
 * Opens the field that names the owner, of records that were written before the policy asked for it.
 *
 * @throws {@link key_unavailable} when its class was not released to this process
 */
export async function openOwners(vault: Vault, look: OwnerLook): Promise<SeenOwners> {
  const silent = look.targets.flatMap((target) => silentOf(vault, look.heads, target))
  const seen = new Map<string, { readonly revision: number; readonly owner: string }>()
  for (const some of chunksOf(silent, CHUNK)) {
    look.signal?.throwIfAborted()
    for (const [entry, owner] of await openSome(vault, look.id, some)) seen.set(entry, owner)
  }
  return seen
}

function silentOf({ layouts }: Vault, heads: RecordHeads, target: PartTarget): readonly Silent[] {
  const { type, ownedBy } = target
  return headsOfType(heads, target).flatMap(([recordId = '', head]) => {
    const entry = pageEntry(type, recordId)
    const owner = ownerIn({ layouts, seen: NOTHING }, ownedBy, { entry, head })
    return owner === undefined ? [{ target, recordId }] : []
  })
}

async function openSome(vault: Vault, id: string, some: readonly Silent[]): Promise<SeenOwners> {
  const keys = some.map(({ target, recordId }) => recordReads(vault, target, { id, recordId }))
  const { person, rows } = await vault.people.read(id, keys.flat())
  const seen = new Map<string, { readonly revision: number; readonly owner: string }>()
  for (const [at, { target, recordId }] of some.entries()) {
    const found = { recordId, page: rows[2 * at], row: rows[2 * at + 1] }
    const record = orGone(() => findRecord(vault, target, { person, rows: found }))
    if (record === undefined) continue
    await ensureKnown(vault, { person, record, purpose: undefined })
    const { fieldId } = target.ownedBy
    const fields = target.record.fields.filter((field) => field.id === fieldId)
    const { values, revision } = openRecord(vault, target, { person, record, fields })
    const value = values.get(fieldId)
    seen.set(pageEntry(target.type, recordId), { revision, owner: isId(value) ? value : '' })
  }
  return seen
}

/** Removed since. */
function orGone<T>(find: () => T): T | undefined {
  try {
    return find()
  } catch (error) {
    if (isPrivityError(error, 'not_found')) return undefined
    throw error
  }
}
