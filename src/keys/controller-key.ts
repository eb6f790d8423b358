import { utf8 } from '../base/bytes.ts'
import { PrivityError } from '../base/errors.ts'
import { createFrame } from '../base/frame.ts'
import { Secret } from '../base/secret.ts'
import { hkdfSha256 } from '../crypto/hkdf.ts'
import { createMacKey, type MacKey } from '../crypto/hash.ts'
import { unwrapBytes, wrapBytes } from '../crypto/wrap.ts'

/**
 * The controller's key: seals the rows that are about no single person, and blinds what must be found
 * again. One derived key per use.
 */
export interface ControllerKey {
  /** Seals a row for its key in the store, with XChaCha20-Poly1305. */
  seal(row: string, plaintext: Uint8Array): Uint8Array
  /** @throws {@link decryption_failed} when the row was changed or moved */
  open(row: string, sealed: Uint8Array): Uint8Array
  /** Authenticates heads, and blinds the leaves of access logs. */
  tag(message: Uint8Array): Uint8Array
  /** Blinds the leaves that are about no single person, and those of erasures. */
  leaf(message: Uint8Array): Uint8Array
  /**
   * A copy of the key of {@link ControllerKey.leaf}, for evidence: it shows that no entry was left out, and does
   * nothing else.
   */
  leafKey(): Uint8Array
  /** Token of an app's own id. */
  externalToken(externalId: string): Uint8Array
  /** Name of an operation id in the rows of a person. */
  operationToken(personId: string, operationId: string): Uint8Array
  /** Token of an actor or a purpose, under which accesses are found. */
  accessToken(kind: 'actor' | 'purpose', name: string): Uint8Array
  /** Name of the key under which a recipient's pseudonyms for a purpose are made. */
  scopeToken(recipient: string, purpose: string): Uint8Array
}

type MacUse = 'tag' | 'leaf' | 'external' | 'operation' | 'access' | 'scope'

const VERSION = 1
const LABEL = 'privity/controller/v1'
const FRAME = createFrame()

/** The store's id is part of what every row is bound to. */
export function createControllerKey(secret: Uint8Array, storeId: string): ControllerKey {
  const sealing = Secret.of(derive(secret, 'seal'))
  const leafKey = Secret.of(derive(secret, 'leaf'))
  const macs = macKeys(secret)
  const associated = (row: string): Uint8Array =>
    FRAME.begin(3).text(LABEL).text(storeId).text(row).end()
  const pair = (first: string, second: string): Uint8Array =>
    FRAME.begin(2).text(first).text(second).end()
  return {
    seal: (row, plaintext) => {
      const wrapped = sealing.use((key) => wrapBytes(key, plaintext, associated(row)))
      const sealed = new Uint8Array(1 + wrapped.length)
      sealed[0] = VERSION
      sealed.set(wrapped, 1)
      return sealed
    },
    open: (row, sealed) => {
      const [version = 0] = sealed
      if (version !== VERSION)
        throw new PrivityError('unsupported_format', { what: 'controller', version })
      const opened = sealing.use((key) => unwrapBytes(key, sealed.subarray(1), associated(row)))
      if (opened === undefined) throw new PrivityError('decryption_failed', { what: 'controller' })
      return opened
    },
    tag: macs.tag.mac,
    leaf: macs.leaf.mac,
    leafKey: () => leafKey.use((key) => key.slice()),
    externalToken: (externalId) => macs.external.mac(utf8(externalId)),
    operationToken: (personId, operationId) => macs.operation.mac(pair(personId, operationId)),
    accessToken: (kind, name) => macs.access.mac(pair(kind, name)),
    scopeToken: (recipient, purpose) => macs.scope.mac(pair(recipient, purpose)),
  }
}

function macKeys(secret: Uint8Array): { readonly [U in MacUse]: MacKey } {
  const key = (use: MacUse): MacKey => macKey(secret, use)
  return {
    tag: key('tag'),
    leaf: key('leaf'),
    external: key('external'),
    operation: key('operation'),
    access: key('access'),
    scope: key('scope'),
  }
}

function macKey(secret: Uint8Array, use: MacUse): MacKey {
  const bytes = derive(secret, use)
  const key = createMacKey(bytes)
  bytes.fill(0)
  return key
}

function derive(secret: Uint8Array, use: MacUse | 'seal'): Uint8Array {
  return hkdfSha256(secret, { info: utf8(`${LABEL}/${use}`), length: 32 })
}
