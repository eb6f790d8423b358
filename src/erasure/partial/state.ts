import type { HookScope } from '../hook.ts'
import type { Exclusion } from '../exclusion.ts'
import type { PlanItem } from '../plan.ts'
import type { Rule } from '../selection.ts'
import type { Renewal } from './renewal.ts'

/** What a partial erasure remembers in its job. */
export interface PartialState {
  readonly rule: Rule
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
  /** Keys that go; stored before the first of them does. */
  readonly renewals?: readonly Renewal[]
  /** Classes whose keys have to stay, because attachments are sealed under them. */
  readonly attached?: readonly number[]
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
