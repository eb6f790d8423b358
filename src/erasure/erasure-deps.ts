import type { Suppression } from '../subjects/suppression.ts'
import type { Vault } from '../vault/vault.ts'
import type { Certificates } from './certificate.ts'
import type { ErasureHook } from './hook.ts'
import type { KeptOf } from './partial/look.ts'
import type { ErasureJournal } from './replay/erasure-journal.ts'

/** How a run is watched and stopped; what was done stays done. */
export interface RunOptions {
  /** Stops between two steps; `resume` goes on. */
  readonly signal?: AbortSignal
  /** Called after each step with how many are done. What it throws is ignored. */
  readonly onProgress?: (done: number, of: number) => void
}

/** What erasure needs. */
export interface ErasureDeps {
  readonly vault: Vault
  readonly hooks: readonly ErasureHook[]
  readonly certificates: Certificates
  /** Absent without a journal. */
  readonly journal?: ErasureJournal | undefined
  /** Remembers the app's own ids of erased people. */
  readonly suppression: Suppression
  /** What of a person may not be erased yet. */
  readonly keptOf: KeptOf
}
