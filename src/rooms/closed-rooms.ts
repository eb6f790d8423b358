import type { Blobs } from '../blobs/blobs.ts'
import type { Consent } from '../consent/consent.ts'
import type { Erasure } from '../erasure/erasure.ts'
import type { Forms } from '../forms/forms.ts'
import type { Quarantine } from '../ledger/quarantine.ts'
import type { Notices } from '../notices/notices.ts'
import type { Permit } from '../permit/permit.ts'
import type { Pseudonyms } from '../pseudonyms/pseudonyms.ts'
import type { RetentionFace } from '../retention/retention.ts'
import type { KeysFace } from '../rotation/keys-face.ts'
import type { People } from '../subjects/people.ts'
import type { Subjects } from '../subjects/subjects.ts'
import type { AuditFace } from '../audit/query.ts'

/** What an app works with. */
export interface Rooms {
  readonly subjects: Subjects
  readonly notices: Notices
  readonly consent: Consent
  readonly erasure: Erasure
  readonly audit: AuditFace
  readonly blobs: Blobs<never, never>
  readonly forms: Forms<never, never>
  readonly pseudonyms: Pseudonyms
  readonly keys: KeysFace
  readonly retention: RetentionFace<never>
  readonly may: Permit['may']
  accessor(ask: unknown): object
  /** Makes durable what is not yet, before the store is closed. */
  drain(): Promise<void>
  /** For whoever verifies all of the store; absent in quarantine. */
  readonly people?: People | undefined
  /** Makes the accesses durable that are only in memory. */
  flush?(): Promise<void>
  /** Throws while nobody may be read or written; absent where the ledger says so itself. */
  check?(): void
}

/** How a method answers while the store is in quarantine. */
type Closed<T> = { readonly [M in keyof T]: 'call' | 'iterate' }

const SUBJECTS = {
  register: 'call',
  reauthorise: 'call',
  find: 'call',
  group: 'call',
  join: 'call',
  leave: 'call',
  members: 'call',
  groups: 'call',
} as const satisfies Closed<Subjects>
const NOTICES = { publish: 'call', serve: 'call', text: 'call' } as const satisfies Closed<Notices>
const ERASURE = {
  plan: 'call',
  run: 'call',
  resume: 'call',
  erase: 'call',
  request: 'call',
  cancel: 'call',
  certificates: 'iterate',
  pending: 'iterate',
  work: 'call',
  retry: 'call',
  replay: 'call',
} as const satisfies Closed<Erasure>
const BLOBS = { seal: 'call', open: 'call' } as const satisfies Closed<Blobs<never, never>>
const FORMS = {
  publicKey: 'call',
  open: 'call',
  openChanges: 'call',
  rotateKey: 'call',
} as const satisfies Closed<Forms<never, never>>
const PSEUDONYMS = {
  of: 'call',
  resolve: 'call',
  destroy: 'call',
} as const satisfies Closed<Pseudonyms>
const KEYS = {
  rotate: 'call',
  rewrap: 'call',
  reseal: 'call',
  usage: 'call',
  retire: 'call',
  epochs: 'call',
  rotateLookups: 'call',
  lookupsDue: 'call',
  dropLookups: 'call',
} as const satisfies Closed<KeysFace>
const RETENTION = {
  event: 'call',
  due: 'iterate',
  sweep: 'call',
  hold: 'call',
  reviewHold: 'call',
  releaseHold: 'call',
  reviews: 'iterate',
  holds: 'call',
} as const satisfies Closed<RetentionFace<never>>
const AUDIT = { query: 'iterate' } as const satisfies Closed<AuditFace>
const CONSENT = {
  give: 'call',
  refuse: 'call',
  status: 'call',
  history: 'iterate',
  receipts: 'iterate',
  bundle: 'call',
} as const satisfies Closed<Omit<Consent, 'withdraw'>>

/** Every method throws what the anchor found, but the one that a person must always have. */
export function closedRooms(
  quarantine: Pick<Quarantine, 'check'>,
  withdraw: Consent['withdraw'],
): Rooms {
  const close = <T extends object>(methods: Closed<T>): T => closed(quarantine, methods)
  return {
    subjects: close<Subjects>(SUBJECTS),
    notices: close<Notices>(NOTICES),
    consent: { ...close<Omit<Consent, 'withdraw'>>(CONSENT), withdraw },
    erasure: close<Erasure>(ERASURE),
    audit: close<AuditFace>(AUDIT),
    blobs: close<Blobs<never, never>>(BLOBS),
    forms: close<Forms<never, never>>(FORMS),
    pseudonyms: close<Pseudonyms>(PSEUDONYMS),
    keys: close<KeysFace>(KEYS),
    retention: close<RetentionFace<never>>(RETENTION),
    ...close<Pick<Rooms, 'may'>>({ may: 'call' }),
    accessor: () => {
      quarantine.check()
      return {}
    },
    drain: async () => undefined,
  }
}

function closed<T extends object>(quarantine: Pick<Quarantine, 'check'>, methods: Closed<T>): T {
  async function call(): Promise<void> {
    quarantine.check()
  }
  function iterate(): AsyncIterable<never> {
    return { [Symbol.asyncIterator]: () => ({ next: async () => quarantine.check() as never }) }
  }
  const ways = { call, iterate }
  return Object.fromEntries(
    Object.entries<'call' | 'iterate'>(methods).map(([name, way]) => [name, ways[way]]),
  ) as T
}
