import { hmacSha256 } from '../../src/crypto/hash.ts'
import { createLog, type Log } from '../../src/ledger/log.ts'
import type { Signers } from '../../src/ledger/signers.ts'
import type { LogKeys } from '../../src/storage/keyspace.ts'
import { fixedKey } from './fixed-key.ts'

export const FIXED_ORIGIN = 'privity/00112233445566778899aabbccddeeff'

/** A log of its own, without a ledger around it; signed by {@link fixedKey} 1. */
export async function fixedLog(keys: LogKeys, origin: string = FIXED_ORIGIN): Promise<Log> {
  return createLog({ origin, keys, signers: await fixedSigners(1), mac: fixedMac })
}

/** One key, which is never changed. */
export async function fixedSigners(seed: number): Promise<Signers> {
  const current = await fixedKey(seed)
  return { current, publicKeys: [current.publicKey], refresh: async () => undefined }
}

/** Stands for the controller's. */
export function fixedMac(message: Uint8Array): Uint8Array {
  return hmacSha256(new Uint8Array(32).fill(7), message)
}
