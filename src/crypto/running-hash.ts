import { sha256 } from '@noble/hashes/sha2.js'
import { nodeCrypto } from '../base/platform.ts'
import { fromPlatform } from './platform-bytes.ts'

/** SHA-256 (FIPS 180-4) of bytes that come piece by piece. */
export interface RunningHash {
  update(bytes: Uint8Array): void
  /** 32 bytes; once only, at the end. */
  digest(): Uint8Array
}

/** Begins a hash over no bytes. */
export function createRunningHash(): RunningHash {
  const hash = nodeCrypto()?.createHash('sha256')
  if (hash === undefined) return portableHash()
  return {
    update: (bytes) => {
      hash.update(bytes)
    },
    digest: () => fromPlatform(hash.digest()),
  }
}

function portableHash(): RunningHash {
  const hash = sha256.create()
  return {
    update: (bytes) => {
      hash.update(bytes)
    },
    digest: () => hash.digest(),
  }
}
