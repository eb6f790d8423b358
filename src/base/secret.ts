import { PrivityError } from './errors.ts'

const SHOWN = '[secret]'
const INSPECT = Symbol.for('nodejs.util.inspect.custom')

/**
 * Bytes that do not show up in logs, JSON, text or clones; only code inside `use` sees them.
 *
 * @example
 * ```ts
 * const secret = Secret.of(crypto.getRandomValues(new Uint8Array(32)))
 * secret.use((bytes) => bytes.length) // 32
 * String(secret) // '[secret]'
 * ```
 */
export class Secret {
  readonly #bytes: Uint8Array
  #wiped = false

  private constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    Object.defineProperty(this, INSPECT, { value: () => SHOWN })
  }

  /** Keeps a copy; the caller may wipe its own bytes. */
  static of(bytes: Uint8Array): Secret {
    return new Secret(Uint8Array.from(bytes))
  }

  /**
   * Runs `fn` with the bytes themselves, not a copy: `fn` must not keep or change them.
   *
   * @throws {@link key_unavailable} once the secret was wiped.
   */
  use<T>(fn: (bytes: Uint8Array) => T): T {
    if (this.#wiped) throw new PrivityError('key_unavailable', { what: 'secret' })
    return fn(this.#bytes)
  }

  /** Overwrites the bytes with zeros; copies that the engine made are out of reach. */
  wipe(): void {
    this.#wiped = true
    this.#bytes.fill(0)
  }

  /** Never the bytes. */
  toString(): string {
    return SHOWN
  }

  /** Never the bytes. */
  toJSON(): string {
    return SHOWN
  }
}
