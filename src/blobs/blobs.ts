import type { Vault } from '../vault/vault.ts'
import { type OpenBlobAsk, parseOpenAsk, parseSealAsk, type SealBlobAsk } from './blob-ask.ts'
import type { ByteSource } from './byte-source.ts'
import { openBlob } from './open-blob.ts'
import { type SealedBlob, sealBlob } from './seal-blob.ts'

/**
 * Attachments of a record, such as a scan or a photo, sealed under their person's key. The app keeps the sealed
 * bytes wherever it likes: once the person is erased, no copy opens.
 */
export interface Blobs<R, P extends string> {
  /**
   * Seals an attachment as it is read, in less than a megabyte of memory. That it was begun is in the log
   * when this resolves.
   *
   * @throws {@link not_permitted} with all reasons · @throws {@link not_found} without the record
   * @throws {@link erased} · @throws {@link key_unavailable} · @throws {@link invalid_input} · @throws {@link not_declared}
   * @example
   * ```ts
   * const actor = { id: 'staff:ida', roles: ['agent'] }
   * const ask = { subjectId, purpose: 'support', actor, record: 'contact', field: 'name' } as const
   * const { blobId, sealed } = await privity.blobs.seal(ask, new Blob(['a scan']).stream())
   * const opened = await privity.blobs.open({ ...ask, blobId }, sealed)
   * ```
   */
  seal<const Q extends P, const K extends keyof R & string>(
    ask: SealBlobAsk<R, Q, K>,
    source: ByteSource,
  ): Promise<SealedBlob>
  /**
   * Opens an attachment as it is read; the access is logged when this resolves. The stream gives only what was
   * authenticated, and fails with {@link decryption_failed} instead of ending when the rest was altered or is
   * missing: what came before was genuine, and is not all.
   *
   * @throws {@link not_permitted} with all reasons · @throws {@link not_found} without the record
   * @throws {@link erased} · @throws {@link decryption_failed} when it was altered, or belongs elsewhere
   * @throws {@link key_unknown} · @throws {@link key_unavailable} · @throws {@link unsupported_format}
   * @throws {@link invalid_input} · @throws {@link not_declared}
   */
  open<const Q extends P, const K extends keyof R & string>(
    ask: OpenBlobAsk<R, Q, K>,
    sealed: ByteSource,
  ): Promise<ReadableStream<Uint8Array>>
}

/** Attachments over a vault. */
export function createBlobs<R, P extends string>(vault: Vault): Blobs<R, P> {
  return {
    seal: async (ask, source) => sealBlob(vault, parseSealAsk(vault, ask), source),
    open: async (ask, sealed) => openBlob(vault, parseOpenAsk(vault, ask), sealed),
  }
}
