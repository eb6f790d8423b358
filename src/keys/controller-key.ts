import { lengthPrefixed, utf8 } from '../base/bytes.ts'
import { PrivityError } from '../base/errors.ts'
import { Secret } from '../base/secret.ts'
import { hkdfSha256 } from '../crypto/hkdf.ts'
import { hmacSha256 } from '../crypto/hash.ts'
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
  /** Tag key of leaves that are about no person, and of erasures. */
  tag(message: Uint8Array): Uint8Array
  /** Token of an app's own id. */
  externalToken(externalId: string): Uint8Array
  /** Name of an operation id in the rows of a person. */
  operationToken(personId: string, operationId: string): Uint8Array
  /** Token of an actor or a purpose, under which accesses are found. */
  accessToken(kind: 'actor' | 'purpose', name: string): Uint8Array
}

const USES = ['seal', 'tag', 'external', 'operation', 'access'] as const
type Use = (typeof USES)[number]

const VERSION = 1
const LABEL = utf8('privity/controller/v1')

/** The store's id is part of what every row is bound to. */
export function createControllerKey(secret: Uint8Array, storeId: string): ControllerKey {
  const keys = derive(secret)
  const associated = (row: string): Uint8Array => lengthPrefixed([LABEL, utf8(storeId), utf8(row)])
  const mac = (use: Use, message: Uint8Array): Uint8Array =>
    keys[use].use((key) => hmacSha256(key, message))
  return {
    seal: (row, plaintext) => {
      const wrapped = keys.seal.use((key) => wrapBytes(key, plaintext, associated(row)))
      const sealed = new Uint8Array(1 + wrapped.length)
      sealed[0] = VERSION
      sealed.set(wrapped, 1)
      return sealed
    },
    open: (row, sealed) => {
      const [version = 0] = sealed
      if (version !== VERSION)
        throw new PrivityError('unsupported_format', { what: 'controller', version })
      const opened = keys.seal.use((key) => unwrapBytes(key, sealed.subarray(1), associated(row)))
      if (opened === undefined) throw new PrivityError('decryption_failed', { what: 'controller' })
      return opened
    },
    tag: (message) => mac('tag', message),
    externalToken: (externalId) => mac('external', utf8(externalId)),
    operationToken: (personId, operationId) =>
      mac('operation', lengthPrefixed([utf8(personId), utf8(operationId)])),
    accessToken: (kind, name) => mac('access', lengthPrefixed([utf8(kind), utf8(name)])),
  }
}

function derive(secret: Uint8Array): { readonly [U in Use]: Secret } {
  const key = (use: Use): Secret =>
    Secret.of(hkdfSha256(secret, { info: utf8(`privity/controller/v1/${use}`), length: 32 }))
  return {
    seal: key('seal'),
    tag: key('tag'),
    external: key('external'),
    operation: key('operation'),
    access: key('access'),
  }
}
