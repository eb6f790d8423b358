import type { ContradictionKind } from '../ledger/quarantine.ts'
import type { FaultKind } from '../ledger/verify-log.ts'

/** What a fault means for whoever runs the app. */
export interface Meaning {
  /**
   * - `history`: what was signed is not what is there; somebody, or a defect, changed the log.
   * - `data`: the log is sound, and what it says of a row is not what the row is.
   * - `access`: nothing is known to be wrong; this process cannot look.
   */
  readonly about: 'history' | 'data' | 'access'
  /** What such a fault says, in a sentence for people. */
  readonly meaning: string
  /** What to do about it. */
  readonly advice: string
}

const RESTORE =
  'Stop writing, keep a copy for inspection, and restore the newest backup whose log is at least as long.'

/** Of each kind of fault; first those that hide or lead to others. */
export const FAULT_MEANINGS: { readonly [K in FaultKind]: Meaning } = {
  head_invalid: {
    about: 'history',
    meaning:
      'The head of a log does not carry a valid signature. Nothing behind it can be judged until it does.',
    advice: `${RESTORE} If the store was moved, check that this is its own secret and tenant.`,
  },
  log_set_back: {
    about: 'history',
    meaning:
      'A log is shorter than the main log knows it to be: its newest entries were taken out, or it was restored alone.',
    advice: `${RESTORE} Never restore a part of the rows.`,
  },
  root_mismatch: {
    about: 'history',
    meaning: 'Leaves of the log are not those that were signed: entries were changed or exchanged.',
    advice: `${RESTORE} Compare with a checkpoint that somebody else keeps to see since when.`,
  },
  leaf_missing: {
    about: 'history',
    meaning: 'A leaf of the log is gone. Erasing a person never removes one.',
    advice: RESTORE,
  },
  leaf_beyond_head: {
    about: 'history',
    meaning:
      'There is a leaf that no head counts: it was added from outside, or the head was set back to an older one.',
    advice: `${RESTORE} An anchor tells the two apart.`,
  },
  node_missing: {
    about: 'history',
    meaning:
      'A hash between leaves and root is gone. Proofs through it cannot be made; the leaves are sound.',
    advice: RESTORE,
  },
  node_mismatch: {
    about: 'history',
    meaning:
      'A hash between leaves and root is not that of its leaves. Proofs through it fail; nothing false is proven.',
    advice: RESTORE,
  },
  key_unavailable: {
    about: 'access',
    meaning:
      'This process was not given the key of some people, so nothing could be said of what they have.',
    advice: 'Run it again where all classes of keys are released.',
  },
  document_unreadable: {
    about: 'data',
    meaning:
      'The document of a person does not open. It holds the keys of everything else of the person, which is lost with it.',
    advice: `${RESTORE} The consents of this person cannot be shown until then: treat them as not given.`,
  },
  key_row_missing: {
    about: 'data',
    meaning:
      'The key store has not the keys of somebody whose document is there, and no fence says that they were destroyed: they are lost, or it is an older copy.',
    advice:
      'Restore the newest backup of the key store. If there is none that has them, erase the person: nothing opens any more.',
  },
  key_row_changed: {
    about: 'data',
    meaning:
      'Keys in the key store are not those that the document of the person counts on: the row was changed, exchanged with another, or is older.',
    advice: 'Restore the newest backup of the key store. Nothing that was sealed is lost with it.',
  },
  key_row_unexpected: {
    about: 'data',
    meaning:
      'The key store has a row of nobody, or keys of a person who is erased: an erasure is not at its end, or they were brought back.',
    advice:
      'Erase the person again, or call keys.rewrap(): either destroys the keys of whoever is erased once more. Delete a row of nobody at once.',
  },
  key_row_fenced: {
    about: 'data',
    meaning:
      'The key store says that somebody is erased, or is being erased, and the store knows nothing of it: it is an older copy, or the fence was left behind.',
    advice: 'Call erasure.erase() for the person: it goes on under the id of that erasure.',
  },
  body_missing: {
    about: 'data',
    meaning:
      'What an entry says is gone, and no erasure took it. That it was made, and when, is still proven.',
    advice: RESTORE,
  },
  body_unmarked: {
    about: 'data',
    meaning:
      'Somebody was erased whom nobody could open any more, and not as many entries are gone as there were of such people: rows were put to theirs, or you know of another number.',
    advice:
      'Somebody may have made room to take away entries of others: keep a copy, and compare with a backup from before these erasures.',
  },
  body_unreadable: {
    about: 'data',
    meaning: 'What an entry says was changed, or is that of another entry.',
    advice: RESTORE,
  },
  body_mismatch: {
    about: 'history',
    meaning:
      'What an entry says opens, and the log has another leaf where it says to be: it was never logged there, or it belongs to an older state.',
    advice: RESTORE,
  },
  entry_unexpected: {
    about: 'data',
    meaning:
      'An entry of the log goes on with an erasure that was at its end, or takes back another than the one that it is about: a row of its job was put back past the library.',
    advice:
      'Keep a copy for inspection. Whoever the entry is about may have been erased, or brought back, without anybody having asked for it: restore the newest backup of before.',
  },
  row_missing: {
    about: 'data',
    meaning: 'A row that the log says is there is gone: it was deleted past the library.',
    advice: RESTORE,
  },
  row_changed: {
    about: 'data',
    meaning:
      'A row is not the one that the log says: it was changed, exchanged with another, or set back to an older state.',
    advice: `${RESTORE} An older state of a consent may be one that was withdrawn since: do not act on it.`,
  },
  row_unexpected: {
    about: 'data',
    meaning:
      'A row is there that the log does not know: it was written past the library, or brought back after it was deleted.',
    advice:
      'Keep a copy for inspection, and delete the row once it is known where it came from. One of an erased person must go at once.',
  },
  row_rewritten: {
    about: 'data',
    meaning:
      'An entry of the log replaced, deleted or repeated a row that was not what the log says that it was: somebody had deleted, changed or brought it back before, and the app went on from that.',
    advice:
      'Keep a copy for inspection, and restore the newest backup of before that entry. The log says so for good: what the app decided from there on may be wrong.',
  },
  segment_missing: {
    about: 'data',
    meaning: 'A part of the log of accesses is gone: who looked at data in it cannot be shown.',
    advice: RESTORE,
  },
  segment_mismatch: {
    about: 'data',
    meaning: 'A part of the log of accesses is not what was signed.',
    advice: RESTORE,
  },
}

/** Of what the anchor finds when the store is opened. */
export const CONTRADICTION_MEANINGS: { readonly [K in ContradictionKind]: Meaning } = {
  anchor_ahead: {
    about: 'history',
    meaning:
      'The anchor remembers entries that the store does not have: this is an older copy. Withdrawn consents may stand again in it.',
    advice:
      'Restore the newest copy. Only if there is none, call ledger.accept() and ask the people again.',
  },
  fork: {
    about: 'history',
    meaning:
      'The anchor remembers other entries in the place of these: two copies were written to, or history was rewritten.',
    advice:
      'Find the other copy before anything else. The two signed notes of ledger.contradiction are the evidence.',
  },
  other_log: {
    about: 'history',
    meaning: 'The anchor is of another log: it, or the store, is not the one that was meant.',
    advice: 'Check which store and which anchor this process is given.',
  },
}
