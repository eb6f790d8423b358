import type { KeyContext } from '../../src/keys/provider.ts'

/** Where the keys of a test belong. */
export const KEY_CONTEXT: KeyContext = {
  storeId: '00112233445566778899aabbccddeeff',
  epoch: 1,
  accessClass: 'contact:care!health',
  salt: new Uint8Array(32).fill(1),
}
