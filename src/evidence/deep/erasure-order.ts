import type { ReadBody } from './read-body.ts'

/** Holds the entries about erasures against each other. */
export interface ErasureOrder {
  /** Whether an entry follows from those before: none does for an erasure that is at its end, nor for another's fence. */
  follows(body: Pick<ReadBody, 'event' | 'index'>, person: string | undefined): boolean
  /** Leaf at which an erasure came to its end, as far as the entries were folded. */
  endedAt(erasureId: unknown): number | undefined
}

interface State {
  readonly ended: Map<unknown, number>
  readonly destroyed: Set<unknown>
  /** Whose fence stands before a person. */
  readonly fences: Map<string, unknown>
}

/** An entry about an erasure, by which it may or may not be. */
interface Told {
  readonly erasureId: unknown
  readonly index: number
  readonly person: string | undefined
}

/** Each says whether it follows, and then leaves its trace. */
const KINDS: { readonly [type: string]: (state: State, told: Told) => boolean } = {
  'erasure.started': ({ fences }, { person, erasureId }) => {
    if (person !== undefined) fences.set(person, erasureId)
    return true
  },
  'erasure.rows_deleted': isOwn,
  'erasure.keys_destroyed': (state, told) => {
    state.destroyed.add(told.erasureId)
    return isOwn(state, told)
  },
  'erasure.cancelled': (state, told) => {
    if (state.destroyed.has(told.erasureId) || !isOwn(state, told)) return false
    if (told.person !== undefined) state.fences.delete(told.person)
    return end(state, told)
  },
  'erasure.completed': end,
}

/** Nothing told yet. */
export function createErasureOrder(): ErasureOrder {
  const state: State = { ended: new Map(), destroyed: new Set(), fences: new Map() }
  return {
    endedAt: (erasureId) => state.ended.get(erasureId),
    follows: ({ event, index }, person) => {
      const { type, erasureId } = event
      const tell = KINDS[String(type)]
      if (tell === undefined) return true
      return !state.ended.has(erasureId) && tell(state, { erasureId, index, person })
    },
  }
}

function isOwn({ fences }: State, { person, erasureId }: Told): boolean {
  return person === undefined || (fences.get(person) ?? erasureId) === erasureId
}

function end({ ended }: State, { erasureId, index }: Told): boolean {
  ended.set(erasureId, index)
  return true
}
