import { invalidInput, PrivityError } from './errors.ts'

/** As much of `fetch` as is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

const MAX_TIMEOUT_MS = 600_000
const LOOPBACK = /^(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])$/

/**
 * An address with `https:` unless it is on this machine. A password in an address would end up in other people's
 * logs, and a query has no meaning where a path is added.
 *
 * @throws {@link invalid_input}
 */
export function parseHttpsUrl(text: unknown, name: string): URL {
  const url = toUrl(text)
  const isPlain =
    url !== undefined && `${url.username}${url.password}${url.search}${url.hash}` === ''
  if (!isPlain) throw invalidInput([name], 'not_a_url')
  const isSafe =
    url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname))
  if (!isSafe) throw invalidInput([name], 'not_https')
  return url
}

/**
 * The `fetch` that was given, or the platform's.
 *
 * @throws {@link invalid_input} · @throws {@link not_supported} without any
 */
export function parseFetch(given: unknown): Fetch {
  if (given !== undefined && typeof given !== 'function')
    throw invalidInput(['fetch'], 'not_a_function')
  if (given !== undefined) return given as Fetch
  if (typeof globalThis.fetch !== 'function')
    throw new PrivityError('not_supported', { what: 'fetch' })
  // Asked for at each call: what instruments it may come later.
  return (url, init) => globalThis.fetch(url, init)
}

/** @throws {@link invalid_input} for anything but milliseconds up to ten minutes */
export function parseTimeout(ms: unknown): number {
  if (typeof ms === 'number' && Number.isSafeInteger(ms) && ms > 0 && ms <= MAX_TIMEOUT_MS)
    return ms
  throw invalidInput(['timeoutMs'], 'not_a_timeout')
}

function toUrl(text: unknown): URL | undefined {
  try {
    return typeof text === 'string' ? new URL(text) : undefined
  } catch {
    return undefined
  }
}
