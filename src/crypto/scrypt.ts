import { scryptAsync } from '@noble/hashes/scrypt.js'
import { nodeCrypto } from '../base/platform.ts'

/** OWASP's first choice for scrypt: 128 MiB, about half a second. */
const COST = { N: 2 ** 17, r: 8, p: 1 } as const
const LENGTH = 32

/** A 32-byte key from a passphrase (RFC 7914, N = 2^17, r = 8, p = 1), NFKC-normalised. */
export async function scryptKey(passphrase: string, salt: Uint8Array): Promise<Uint8Array> {
  const normalised = passphrase.normalize('NFKC')
  const node = nodeCrypto()
  if (node === undefined) return scryptAsync(normalised, salt, { ...COST, dkLen: LENGTH })
  return new Promise((resolve, reject) => {
    const maxmem = 256 * COST.N * COST.r
    node.scrypt(normalised, salt, LENGTH, { ...COST, maxmem }, (error, key) => {
      if (error === null) resolve(new Uint8Array(key))
      else reject(error)
    })
  })
}
