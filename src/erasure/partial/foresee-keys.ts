import { toBase64url } from '../../base/bytes.ts'
import type { People } from '../../subjects/people.ts'
import { heldClasses } from './held-classes.ts'
import type { Look } from './look.ts'
import { isRenewed, renewClass, type Renewal } from './renewal.ts'
import type { PartialState, Probe } from './state.ts'
import { unforeseenClasses } from './unforeseen-classes.ts'
import { isTaking, type RecordWork, touchedBy } from './work.ts'

const MAX_PROBES = 8
const MAX_PROBE_BYTES = 4_096

/**
 * Decides which keys go with the fields that a look found, and which stay because attachments are sealed under them.
 * Undefined where all of that was decided before.
 */
export async function foreseeKeys(
  people: People,
  partial: PartialState,
  look: Look,
): Promise<PartialState | undefined> {
  const { renewals = [], attached = [] } = partial
  const asked = askedClasses({ renewals, attached }, look)
  if (asked.size === 0) return undefined
  const held = await heldClasses(people, look, asked)
  const begun = [...asked]
    .filter((accessClass) => !held.has(accessClass))
    .map((accessClass) => renewClass(look.person.ring, accessClass, renewals))
  const probes = partial.probes ?? probesOf(look, begun)
  return {
    ...partial,
    renewals: [...renewals.filter(({ accessClass }) => !asked.has(accessClass)), ...begun],
    attached: [...new Set([...attached, ...held])],
    // A probe whose class keeps its key after all would open, and prove nothing.
    probes: probes.filter(({ accessClass }) => !held.has(accessClass)),
  }
}

/** Classes that lose something and were not decided on, and those of which an attachment may change the decision. */
function askedClasses(
  decided: Required<Pick<PartialState, 'renewals' | 'attached'>>,
  { person, works }: Look,
): ReadonlySet<number> {
  const { ring } = person
  const fresh = works
    .filter(isTaking)
    .flatMap((work) => unforeseenClasses({ ...decided, ring }, work))
  // Before there is a newer key, an attachment may still be sealed under the old one.
  const unsure = decided.renewals
    .filter((renewal) => renewal.since === undefined && !isRenewed(ring, renewal))
    .map(({ accessClass }) => accessClass)
  return new Set([...fresh, ...unsure])
}

/** One of each class at most: they are stored with the job. */
function probesOf({ works }: Look, renewals: readonly Renewal[]): readonly Probe[] {
  const taken = works.filter(isTaking)
  return renewals
    .flatMap(({ accessClass }) => {
      const work = taken.find((candidate) => touchedBy(candidate).includes(accessClass))
      return (work === undefined ? undefined : probeOf(work, accessClass)) ?? []
    })
    .slice(0, MAX_PROBES)
}

function probeOf({ sealed }: RecordWork, accessClass: number): Probe | undefined {
  const { type, recordId } = sealed.place
  const [revision, layout] = sealed.head.sections[String(accessClass)] ?? []
  const bytes = sealed.section(accessClass)
  if (revision === undefined || layout === undefined || bytes === undefined) return undefined
  if (bytes.length > MAX_PROBE_BYTES) return undefined
  return {
    accessClass,
    type,
    ...(recordId === undefined ? {} : { recordId }),
    revision,
    layout,
    sealed: toBase64url(bytes),
  }
}
