import type { HookScope } from '../hook.ts'
import type { Exclusion } from '../exclusion.ts'
import type { PlanItem } from '../plan.ts'
import type { Rule } from '../selection.ts'
import type { Renewal } from './renewal.ts'
import type { NamedItem, ReplayedRule } from './replayed-rule.ts'

/** What a partial erasure remembers in its job. */
export interface PartialState {
  readonly rule: Rule | ReplayedRule
  /** As they were shown. */
  readonly items: readonly PlanItem[]
  /** Of the person when it was planned: what it did stands in the log behind that. */
  readonly sequence: number
  /** Somebody was to be erased as a whole, and something has to stay: nothing else is done with it. */
  readonly closes?: true
  /** What stays of that which was asked for. */
  readonly exclusions: readonly Exclusion[]
  /** The same for hooks. Absent where none takes part. */
  readonly hookScope?: HookScope
  /** Number of the entry in which the journal was told of the hooks. */
  readonly announced?: number
  /** What went before, of an erasure that is done again. */
  readonly named?: readonly NamedItem[]
  /** When the first of the rest may go, of somebody who is closed again. */
  readonly closesUntil?: number
  /** Keys that go; stored before the first of them does. */
  readonly renewals?: readonly Renewal[]
  /** Classes whose keys have to stay, because attachments are sealed under them. */
  readonly attached?: readonly number[]
  /** Parts of which something stays though their owners go, by their entries; stored before these do. */
  readonly orphans?: readonly string[]
  /** Older copies of sections, to be tried against the keys that are left. */
  readonly probes?: readonly Probe[]
}

/** A section as it stood before: ciphertext of a key that is to go. */
export interface Probe {
  readonly accessClass: number
  readonly type: number
  readonly recordId?: string
  readonly revision: number
  readonly layout: string
  /** In base64url. */
  readonly sealed: string
}
