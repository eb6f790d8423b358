import { START } from '../../journal/journal-entry.ts'
import { advanceMark, createSeenMark, type SeenMark } from '../../journal/journal-mark.ts'
import type { CertificateDeps } from '../certificate.ts'
import type { Suppression } from '../../subjects/suppression.ts'
import { type Held, type HoldDeps, settleJournal } from './hold-against.ts'
import { createJournaling, type Journaling } from './journaling.ts'
import { type Replayed, signReplay } from './sign-replay.ts'

/** The journal as erasure uses it. */
export interface ErasureJournal extends Journaling {
  readonly hold: HoldDeps
  readonly seen: SeenMark
  sign(replayed: Replayed): Promise<string>
}

/** What it stands on. */
export interface ErasureJournalDeps {
  /** Undefined without a journal. */
  readonly hold: HoldDeps | undefined
  /** What was found when the store was opened. */
  readonly held: Held | undefined
  readonly suppression: Suppression
  readonly certificates: CertificateDeps
}

/** The journal of an instance; one that lacks nothing of it says so in the store. */
export async function startJournal({
  hold,
  held,
  suppression,
  certificates,
}: ErasureJournalDeps): Promise<ErasureJournal | undefined> {
  if (hold === undefined) return undefined
  await suppression.prepare()
  await settleJournal(hold, held)
  const settle = (): Promise<void> => settleJournal(hold)
  const remember = async (): Promise<void> => {
    await advanceMark(hold, { settled: START, seen: hold.journal.known() }, undefined)
  }
  const now = (): number => hold.clock.now()
  return {
    ...createJournaling(hold.journal, { settle, remember, now }),
    hold,
    seen: createSeenMark(hold, hold.journal),
    sign: (replayed) => signReplay(certificates, replayed),
  }
}
