import { fromBase64 } from '../base/bytes.ts'
import { invalidInput } from '../base/errors.ts'
import { membersOf } from '../base/members.ts'
import { importRsaKey, parsePem, type RsaKey } from '../crypto/rsa-key.ts'

/** Who signs for a processor. */
export interface OpenDsrSigner {
  /** What it says it is in `X-OpenDSR-Processor-Domain`, and what its certificate is issued for. */
  readonly domain: string
  /**
   * Its certificate or public key as PEM, RSA of 2,048 bits or more. It is pinned: who issued it, and whether it was
   * revoked, the app finds out before it passes it. Certificates need node:crypto.
   */
  readonly key: string
  /** What it signs. Default: `everything`, as the specification demands. */
  readonly signs?: 'everything' | 'callbacks'
}

/** Checks what a processor signed. */
export interface Signer {
  readonly signsAnswers: boolean
  /**
   * Whether this body came from the processor.
   *
   * @throws {@link key_unreadable} · @throws {@link not_supported}
   */
  signed(headers: Headers, body: Uint8Array): Promise<boolean>
}

const DOMAIN = /^(?=.{1,253}$)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*$/
const SIGNATURE_HEADER = 'X-OpenDSR-Signature'
const DOMAIN_HEADER = 'X-OpenDSR-Processor-Domain'

/** @throws {@link invalid_input} */
export function createSigner(options: unknown, clock: { now(): number }): Signer {
  const {
    domain,
    key,
    signs = 'everything',
  } = membersOf(options, ['domain', 'key', 'signs'], ['signer'])
  if (typeof domain !== 'string' || !DOMAIN.test(domain))
    throw invalidInput(['signer', 'domain'], 'not_a_domain')
  if (signs !== 'everything' && signs !== 'callbacks')
    throw invalidInput(['signer', 'signs'], 'unknown_choice')
  const block = typeof key === 'string' ? parsePem(key) : undefined
  if (block === undefined) throw invalidInput(['signer', 'key'], 'not_a_key')
  let imported: Promise<RsaKey> | undefined
  return {
    signsAnswers: signs === 'everything',
    signed: async (headers, body) => {
      imported ??= importRsaKey(block, domain)
      const { from, until, verify } = await imported
      const now = clock.now()
      const signature = fromBase64(headers.get(SIGNATURE_HEADER)?.trim() ?? '')
      if (headers.get(DOMAIN_HEADER)?.trim().toLowerCase() !== domain) return false
      return now >= from && now <= until && signature !== undefined && verify(body, signature)
    },
  }
}
