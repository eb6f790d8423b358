import { ownEntries } from '../../subjects/own-entries.ts'
import type { People } from '../../subjects/people.ts'
import { attachmentOf, holdsKey } from './attachments.ts'
import type { Look } from './look.ts'

/** Which of some classes keep their keys, because attachments are sealed under them. Reads the log of the person. */
export async function heldClasses(
  people: People,
  { person, selection }: Pick<Look, 'person' | 'selection'>,
  asked: ReadonlySet<number>,
): Promise<ReadonlySet<number>> {
  const held = new Set<number>()
  if (asked.size === 0) return held
  for await (const entry of ownEntries(people, person)) {
    const attachment = attachmentOf(entry)
    if (attachment === undefined || !asked.has(attachment.accessClass)) continue
    if (holdsKey(selection, attachment)) held.add(attachment.accessClass)
  }
  return held
}
