import { fromBase64url, fromUtf8, toBase64url } from '../base/bytes.ts'
import { isPrivityError } from '../base/errors.ts'
import { readCheckpoint } from '../crypto/checkpoint.ts'
import { parseNote } from '../crypto/note.ts'
import type { Log } from '../ledger/log.ts'
import { rootAt } from '../ledger/prove.ts'
import type { Key, Store } from '../storage/store.ts'
import type { JobRowDeps } from './job.ts'

/** What a certificate is held against. */
export interface CertifiedDeps extends Pick<JobRowDeps, 'controller'> {
  readonly store: Store
  readonly ledger: { readonly log: Log }
}

/** What a stored certificate says. */
export interface CertificateClaims {
  readonly scope?: string
  readonly log?: { readonly checkpoint: string }
}

const EMPTY = new Uint8Array()

/**
 * What the certificate in a row says of this store; undefined where it is none, and where it is of another copy. It
 * was made behind the destruction, on a log of which its checkpoint has the root: only a log that goes on from there
 * has the destruction in it, whoever put the row there.
 *
 * @throws {@link ledger_inconsistent}
 */
export async function certifiedHere(
  { store, controller, ledger }: CertifiedDeps,
  row: Key,
  sealed: Uint8Array | undefined,
): Promise<CertificateClaims | undefined> {
  const claims = sealed === undefined ? undefined : tryRead(controller, row, sealed)
  const note = parseNote(claims?.log?.checkpoint ?? '')
  const checkpoint = note === undefined ? undefined : readCheckpoint(note.text)
  if (checkpoint === undefined) return undefined
  const root = await rootAt(store, ledger.log, checkpoint.size)
  return root === toBase64url(checkpoint.root) ? claims : undefined
}

function tryRead(
  controller: CertifiedDeps['controller'],
  row: Key,
  sealed: Uint8Array,
): CertificateClaims | undefined {
  try {
    // What the controller sealed is of our own making.
    const [, payload = ''] = (fromUtf8(controller.open(row, sealed)) ?? '').split('.')
    return JSON.parse(fromUtf8(fromBase64url(payload) ?? EMPTY) ?? '{}')
  } catch (error) {
    if (isPrivityError(error)) return undefined
    throw error
  }
}
