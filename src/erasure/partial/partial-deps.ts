import type { Vault } from '../../vault/vault.ts'
import type { KeptOf } from './look.ts'
import type { PartJournal } from './part-journal.ts'

/** What erasing a part of a person needs. */
export interface PartialDeps {
  readonly vault: Vault
  /** What may not be erased yet. */
  readonly keptOf: KeptOf
  /** Absent without a journal. */
  readonly journal?: PartJournal | undefined
}
