import * as z from 'zod/mini'
import { abortSignal } from '../base/abort-signal.ts'
import { fromBase64url, fromUtf8 } from '../base/bytes.ts'
import { isId, type SubjectId } from '../base/id.ts'
import { parseOptions } from '../base/parse-options.ts'
import type { Instant } from '../base/time.ts'
import { scanRows } from '../storage/scan-rows.ts'
import type { People } from '../subjects/people.ts'
import { parseSubjectId } from '../subjects/write-options.ts'

/** A certificate that was issued, and the erasure that it ends. */
export interface StoredCertificate {
  /** Of which erasure. */
  readonly erasureId: string
  /** Who was erased, as they were registered. */
  readonly subjectId: SubjectId
  /** `partial` where something of the person stays. */
  readonly scope: 'all' | 'partial'
  /** When the last of it was done. */
  readonly completedAt: Instant
  /** A compact JWS, for {@link verifyCertificate}. */
  readonly certificate: string
}

/** Which certificates are listed. */
export interface CertificatesOptions {
  /** Default: those of everybody. */
  readonly subjectId?: SubjectId
  /** Ends the listing with its reason. */
  readonly signal?: AbortSignal
}

const options = z.strictObject({
  subjectId: z.optional(z.unknown()),
  signal: abortSignal,
})
const PAGE = 64
const EMPTY = new Uint8Array()

/** Every certificate of an erasure, in no particular order; a row that does not open comes last, as an error. */
export async function* storedCertificates(
  { deps }: People,
  given: unknown,
): AsyncGenerator<StoredCertificate, void> {
  const { subjectId, signal } = parseOptions(options, given)
  const wanted = subjectId === undefined ? undefined : parseSubjectId(subjectId)
  const prefix = deps.keyspace.certificate('')
  const errors: unknown[] = []
  for await (const [key, sealed] of scanRows(deps.store, prefix, { page: PAGE })) {
    signal?.throwIfAborted()
    if (!isId(key.slice(prefix.length))) continue
    try {
      const stored = toStored(fromUtf8(deps.controller.open(key, sealed)) ?? '')
      if (stored === undefined || (wanted ?? stored.subjectId) !== stored.subjectId) continue
      yield stored
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 0) throw errors[0]
}

/** Undefined for what certifies something else: that an epoch is gone, or that a restored store was erased again. */
function toStored(certificate: string): StoredCertificate | undefined {
  const bytes = fromBase64url(certificate.split('.')[1] ?? '')
  const { subject, erasureId, scope, completedAt } = JSON.parse(fromUtf8(bytes ?? EMPTY) ?? '{}')
  if (subject === undefined) return undefined
  return Object.freeze({ erasureId, subjectId: subject.ref, scope, completedAt, certificate })
}
