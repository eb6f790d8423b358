import type { RecordHead, SectionFact } from '../subjects/head.ts'
import type { Layouts } from './layouts.ts'

type Known = Pick<Layouts, 'classIn' | 'isKnown'>

/** Whether there are bytes that a value of the field would be among. Pure. */
export function hasSection(
  sections: RecordHead['sections'],
  fieldId: string,
  layouts: Known,
): boolean {
  return Object.entries(sections).some(([name, fact]) =>
    mayHold(layouts, { accessClass: Number(name), fact }, fieldId),
  )
}

/** Whether a value of the field would be in this section. Pure. */
export function mayHold(
  layouts: Known,
  { accessClass, fact }: { readonly accessClass: number; readonly fact: SectionFact },
  fieldId: string,
): boolean {
  const [, layout, carried = []] = fact
  // What another process wrote under a newer policy may hold anything.
  if (!layouts.isKnown(layout)) return true
  return layouts.classIn(layout, fieldId) === accessClass || carried.includes(fieldId)
}

/** Whether every section of a record stands as the layout would have it written. Pure. */
export function isOfLayout(
  layouts: Pick<Layouts, 'classIn'>,
  { sections }: Pick<RecordHead, 'sections'>,
  layout: string,
): boolean {
  return Object.values(sections).every(
    ([, own, carried = []]) =>
      own === layout && !carried.some((id) => layouts.classIn(layout, id) !== undefined),
  )
}

/** What a section says of itself. A policy that declares the carried fields again finds them by that. Pure. */
export function sectionFact(
  layouts: Pick<Layouts, 'classIn'>,
  {
    accessClass,
    revision,
    layout,
  }: { readonly accessClass: number; readonly revision: number; readonly layout: string },
  payload: object,
): SectionFact {
  const carried = Object.keys(payload).filter((id) => layouts.classIn(layout, id) !== accessClass)
  return carried.length === 0 ? [revision, layout] : [revision, layout, carried]
}
