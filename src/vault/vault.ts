import type { Audit } from '../audit/audit.ts'
import type { CompiledPolicy, CompiledRecord, Plan } from '../policy/compiled.ts'
import type { Permit } from '../permit/permit.ts'
import type { People } from '../subjects/people.ts'
import type { Layouts } from './layouts.ts'
import type { Lookups } from './lookups.ts'

/** What accessors need. */
export interface Vault {
  readonly people: People
  readonly policy: CompiledPolicy
  readonly permit: Permit
  readonly audit: Audit
  readonly layouts: Layouts
  readonly lookups: Lookups
}

/** One record type as one purpose sees it, with the numbers of the catalogue. */
export interface Target {
  readonly record: CompiledRecord
  readonly plan: Plan
  /** Number of the record type. */
  readonly type: number
}
