import { localKeys } from 'privity'
import { type MemoryData, memoryStore } from 'privity/memory'
import { ownEntries } from '../../src/subjects/own-entries.ts'
import { SECRET } from './acme.ts'
import { type Desk, deskPolicy, idsOf } from './helpdesk.ts'
import { openVault } from './open-vault.ts'

/** How many records of each type somebody has, and how many notes say what they are about. */
export interface Stored {
  readonly ticket: number
  readonly message: number
  readonly file: number
  readonly note: number
  readonly about: number
}

export async function stored(desk: Desk, id: string): Promise<Stored> {
  let about = 0
  for await (const { view } of desk.as().note.list({ subjectId: id }))
    if (view['about'] !== undefined) about += 1
  const count = async (type: 'ticket' | 'message' | 'file' | 'note'): Promise<number> =>
    (await idsOf(desk, id, type)).length
  const [ticket, message] = [await count('ticket'), await count('message')]
  return { ticket, message, file: await count('file'), note: await count('note'), about }
}

/** The entries about somebody in the log, of one kind. */
export async function eventsOf(
  share: MemoryData,
  id: string,
  type: string,
): Promise<readonly object[]> {
  const { vault } = await openVault(memoryStore({ share }), {
    declared: deskPolicy(),
    keys: localKeys(SECRET),
  })
  const { person } = await vault.people.read(id)
  const events: object[] = []
  for await (const { event } of ownEntries(vault.people, person))
    if (event['type'] === type) events.push(event)
  return events
}

/** Whatever names an owner names one that is there. */
export async function ownersLost(desk: Desk, id: string): Promise<readonly string[]> {
  const { message, file, note } = desk.as()
  const [tickets, messages] = [await idsOf(desk, id, 'ticket'), await idsOf(desk, id, 'message')]
  const owners = [
    [message, 'ticketId', tickets],
    [file, 'messageId', messages],
    [note, 'about', tickets],
  ] as const
  const lost: string[] = []
  for (const [records, field, known] of owners)
    for await (const { recordId, view } of records.list({ subjectId: id }))
      if (view[field] !== undefined && !known.includes(String(view[field]))) lost.push(recordId)
  return lost
}
