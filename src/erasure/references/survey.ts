import { isGone } from '../../subjects/gone.ts'
import type { Place } from '../../vault/lookup-places.ts'
import type { Exclusion } from '../exclusion.ts'
import { lookOver } from '../partial/look.ts'
import { stayingOf } from '../partial/plan-partial.ts'
import type { RecordWork } from '../partial/work.ts'
import { eachReference } from './each.ts'
import { hasParts } from './clear-reference.ts'
import type { ReferenceCount } from './findings.ts'
import type { Referring } from './find-references.ts'
import {
  doesNotOpen,
  lookAtReference,
  type ReferenceDeps,
  type Standing,
} from './look-reference.ts'
import { ruleOfRecord } from './remove-record.ts'

/** Where references to somebody stand now. */
export interface Survey {
  /** What is to be done. */
  readonly open: readonly ReferenceCount[]
  /** What is there, but for what is retained. */
  readonly all: readonly ReferenceCount[]
  readonly exclusions: readonly Exclusion[]
  /** What stays of records that go. */
  readonly stays: readonly Exclusion[]
  /** Of which nobody can tell. */
  readonly unsure: number
}

/** Who is looked for, and in which fields. */
export interface Surveying {
  readonly fields: readonly Referring[]
  readonly subjectId: string
  readonly signal: AbortSignal | undefined
}

interface Counting {
  readonly open: Map<string, ReferenceCount>
  readonly all: Map<string, ReferenceCount>
  readonly exclusions: Map<string, Exclusion>
  readonly stays: Map<string, Exclusion>
  unsure: number
}

/** Ground of what goes with its owner. */
const UNDER_WAY = 'erasure_under_way'

/** Looks at every reference to somebody; changes nothing. In memory are numbers, and a page of places. */
export async function surveyReferences(
  deps: ReferenceDeps,
  { fields, subjectId, signal }: Surveying,
): Promise<Survey> {
  const counting: Counting = {
    open: new Map(),
    all: new Map(),
    exclusions: new Map(),
    stays: new Map(),
    unsure: 0,
  }
  for (const referring of fields) {
    const run = async (place: Place): Promise<void> => {
      const standing = await lookAtReference(deps, referring, { place, subjectId })
      COUNT[standing.kind](counting, referring, standing as never)
      if (standing.kind !== 'open') return
      for (const stay of await staysOf(deps, referring, { place, work: standing.work }))
        add(counting.stays, stay)
    }
    const isSeen = await eachReference(deps.vault, referring, { subjectId, signal, run })
    if (!isSeen) counting.unsure += 1
  }
  const { open, all, exclusions, stays, unsure } = counting
  return {
    open: [...open.values()],
    all: [...all.values()],
    exclusions: [...exclusions.values()],
    stays: [...stays.values()],
    unsure,
  }
}

type Of<K extends Standing['kind']> = Standing & { readonly kind: K }

const COUNT: {
  readonly [K in Standing['kind']]: (
    counting: Counting,
    referring: Referring,
    standing: Of<K>,
  ) => void
} = {
  none: () => undefined,
  unsure: (counting) => {
    counting.unsure += 1
  },
  going: ({ exclusions }, referring) => {
    add(exclusions, { what: nameOf(referring), ground: UNDER_WAY, count: 1 })
  },
  stays: ({ all, exclusions }, referring, { ground, until }) => {
    const end = until === undefined ? {} : { until }
    add(exclusions, { what: nameOf(referring), ground, count: 1, ...end })
    if (referring.reference.onErase !== 'retain') addCount(all, referring)
  },
  open: ({ all, open }, referring) => {
    addCount(all, referring)
    addCount(open, referring)
  },
}

interface Going {
  readonly place: Place
  readonly work: RecordWork | undefined
}

/** What has to stay of a record that goes, and of its parts. */
async function staysOf(
  deps: ReferenceDeps,
  referring: Referring,
  { place, work }: Going,
): Promise<readonly Exclusion[]> {
  const { vault } = deps
  if (work === undefined) return []
  if (!hasParts(vault, referring))
    return stayingOf(vault, { works: [work], selection: { person: [] } })
  const rule = ruleOfRecord(referring.target, place.recordId)
  try {
    const { works } = await lookOver({ ...deps, subjectId: place.id, rule })
    return stayingOf(vault, { works, selection: { person: [] } })
  } catch (error) {
    // Gone since, or in parts unreadable: then the record stays, and is told of.
    if (isGone(error) || doesNotOpen(error)) return []
    throw error
  }
}

function nameOf({ target, field }: Referring): string {
  return `${target.record.name}.${field.name}`
}

function addCount(
  counts: Map<string, ReferenceCount>,
  { target, reference }: Pick<Referring, 'target' | 'reference'>,
): void {
  const { name: record } = target.record
  const action = reference.onErase
  const key = `${record}/${action}`
  counts.set(key, { record, action, count: (counts.get(key)?.count ?? 0) + 1 })
}

/** Of records without number, the last date is told: each would be one more line. */
function add(exclusions: Map<string, Exclusion>, { until, ...exclusion }: Exclusion): void {
  const key = JSON.stringify([exclusion.what, exclusion.ground])
  const known = exclusions.get(key)
  const ends = known === undefined ? [until] : [until, known.until]
  const last = ends.includes(undefined) ? undefined : Math.max(...ends.map(Number))
  const count = exclusion.count + (known?.count ?? 0)
  exclusions.set(key, { ...exclusion, count, ...(last === undefined ? {} : { until: last }) })
}
