import { fromUtf8, toBase64url, utf8 } from '../base/bytes.ts'
import { PrivityError } from '../base/errors.ts'
import { sha256 } from '../crypto/hash.ts'
import type { SeenMark } from '../journal/journal-mark.ts'
import type { ControllerEntry } from '../ledger/entry.ts'
import { sameRow } from '../storage/same-row.ts'
import type { People } from '../subjects/people.ts'
import { scrubStores } from '../subjects/scrub-stores.ts'
import type { Vault } from '../vault/vault.ts'
import type { Certificates } from './certificate.ts'
import { certifiedHere } from './certified-here.ts'
import type { Job } from './job.ts'

/** What certifying needs. */
export interface CertifyDeps {
  readonly vault: Vault
  readonly certificates: Certificates
  /** Absent without a journal. */
  readonly journal?: { readonly seen: SeenMark } | undefined
}

/** Signs and stores the certificate, and forgets the job. Of two processes that do so, one certifies. */
export async function certify(
  { vault, certificates, journal }: CertifyDeps,
  job: Job,
): Promise<string> {
  const { people } = vault
  const { ledger } = people.deps
  const scrub = await scrubStores(people.deps)
  const completedAt = people.now()
  const { note: checkpoint } = await ledger.head()
  const signed = await certificates.sign(job, { completedAt, scrub, checkpoint })
  const certificate = await storeCertificate(people, job, {
    certificate: signed,
    completedAt,
    mark: journal?.seen,
  })
  // The job held the app's own id: what deleting its row left behind goes as well, as far as it can.
  await scrubStores(people.deps)
  return certificate
}

/** A certificate that is stored; undefined when there is none. */
export async function findCertificate(
  { deps }: People,
  erasureId: string,
): Promise<string | undefined> {
  const { store, keyspace, controller } = deps
  const key = keyspace.certificate(erasureId)
  const [sealed] = await store.read([key])
  return sealed === undefined ? undefined : fromUtf8(controller.open(key, sealed))
}

interface Signed {
  readonly certificate: string
  readonly completedAt: number
  /** A part of somebody goes under logs of others: here is the first commit that can say so. */
  readonly mark: SeenMark | undefined
}

async function storeCertificate(
  { deps }: People,
  { erasureId, isReplayed }: Job,
  { certificate, completedAt, mark }: Signed,
): Promise<string> {
  const { store, keyspace, controller, ledger } = deps
  const [jobKey, key] = [keyspace.job(erasureId), keyspace.certificate(erasureId)]
  const [before] = isReplayed === true ? await store.read([key]) : []
  const isOfOther = before !== undefined && (await certifiedHere(deps, key, before)) === undefined
  const entryOf = (signed: string): ControllerEntry => {
    const certificateHash = toBase64url(sha256(utf8(signed)))
    const event = { type: 'erasure.completed', erasureId, certificateHash }
    return { kind: 'controller', at: completedAt, event }
  }
  const { value } = await ledger.submit<string>({
    reads: [jobKey, key, ...(mark === undefined ? [] : [mark.key])],
    build: (rows) => {
      const stored = rows.get(key)
      const isJob = rows.get(jobKey) !== undefined
      // One of another copy of the store says nothing of what was destroyed in this one.
      const isReplaced = isJob && isOfOther && sameRow(stored, before)
      if (stored !== undefined && !isReplaced) {
        const value = fromUtf8(controller.open(key, stored)) ?? ''
        // One that was done again, because a part of the store was set back: the certificate stays what it was.
        return isJob
          ? { kind: 'change', change: { put: [], del: [jobKey], entry: entryOf(value) }, value }
          : { kind: 'done', value }
      }
      if (!isJob) throw new PrivityError('write_conflict', { attempts: 1 })
      const row = [key, controller.seal(key, utf8(certificate))] as const
      const put = [row, ...(mark?.put(rows) ?? [])]
      return {
        kind: 'change',
        change: { put, del: [jobKey], entry: entryOf(certificate) },
        value: certificate,
      }
    },
  })
  return value
}
