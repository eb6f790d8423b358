import type { OwnedBy } from '../policy/compiled.ts'
import type { RecordHead } from '../subjects/head.ts'
import { pageEntry } from './open-record.ts'
import { ownerIn, type SeenOwners } from './owner.ts'
import { headsOfType, type RecordHeads } from './record-heads.ts'
import { targetsOf } from './targets.ts'
import type { Target, Vault } from './vault.ts'

/** A record type that is a part of another one. */
export interface PartTarget extends Target {
  readonly ownedBy: OwnedBy
}

/** A record that its owner takes along, or that is let go. */
export interface Part {
  readonly target: PartTarget
  readonly recordId: string
  readonly head: RecordHead
}

/** Types of which records go, or are let go, when one of this type does: owners before their parts. */
export function partTargets(
  vault: Pick<Vault, 'policy' | 'layouts'>,
  record: string,
): readonly PartTarget[] {
  const found: PartTarget[] = []
  const owners = [record]
  for (const owner of owners) {
    const parts = everyPartTarget(vault).filter(({ ownedBy }) => ownedBy.record === owner)
    found.push(...parts)
    // What is let go keeps its own parts.
    for (const part of parts) if (part.ownedBy.onErase === 'delete') owners.push(part.record.name)
  }
  return found
}

/** Every type of the running policy that is a part of another. */
export function everyPartTarget(vault: Pick<Vault, 'policy' | 'layouts'>): readonly PartTarget[] {
  return targetsOf(vault).flatMap((target) => {
    const { ownedBy } = target.record
    return ownedBy === undefined ? [] : [{ ...target, ownedBy }]
  })
}

/** Where parts are looked for. */
export interface PartsAsk {
  readonly heads: RecordHeads
  readonly seen: SeenOwners
  readonly targets: readonly PartTarget[]
  /** The record that goes, by its entry. */
  readonly root: string
}

/** Parts of a record and the parts of these, each before its owner; undefined where it cannot be told without opening. */
export function partsOf(
  { layouts }: Pick<Vault, 'layouts'>,
  { heads, seen, targets, root }: PartsAsk,
): readonly Part[] | undefined {
  const going = new Set([root])
  const levels: (readonly Part[])[] = []
  for (const target of targets) {
    const { ownedBy, type } = target
    const ownerType = layouts.typeOf(ownedBy.record)
    const level: Part[] = []
    for (const [recordId = '', head] of headsOfType(heads, target)) {
      const entry = pageEntry(type, recordId)
      const owner = ownerIn({ layouts, seen }, ownedBy, { entry, head })
      if (owner === undefined) return undefined
      if (owner !== '' && going.has(pageEntry(ownerType, owner)))
        level.push({ target, recordId, head })
    }
    if (ownedBy.onErase === 'delete')
      for (const { recordId } of level) going.add(pageEntry(type, recordId))
    // Heads that share a page come together: a commit that takes some of them seals few pages.
    levels.push(level.toSorted((a, b) => (a.recordId < b.recordId ? -1 : 1)))
  }
  return levels.reverse().flat()
}
