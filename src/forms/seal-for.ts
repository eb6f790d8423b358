import { canonicalBytes, type JsonObject } from '../base/canonical.ts'
import { invalidInput, PrivityError } from '../base/errors.ts'
import { randomId } from '../base/id.ts'
import { lackOf } from '../base/platform.ts'
import { systemClock } from '../base/time.ts'
import type { FormJwk } from '../crypto/form-key.ts'
import { sealJwe } from '../crypto/seal-jwe.ts'
import { FORM_TYP, FORM_VERSION, type FormContext } from './form-payload.ts'

const POINT = /^[A-Za-z0-9_-]{43}$/
const THUMBPRINT = POINT

/**
 * Seals the fields of a form to the app's public key, in the browser: what lies between it and the app, such
 * as proxies, queues and logs, sees neither the fields nor which form it is. Gives a compact JWE.
 *
 * @throws {@link invalid_input} for a key that is none of `forms.publicKey()`, or fields that are not JSON
 * @throws {@link not_supported} in a page without TLS, which has no WebCrypto
 * @example
 * ```ts
 * import { sealFor } from 'privity/seal'
 *
 * const fields = { name: 'Anna', email: 'anna@example.com' }
 * const sealed = await sealFor(publicKey, fields, { record: 'contact', purpose: 'support', binding: csrfToken })
 * ```
 */
export async function sealFor(
  publicKey: FormJwk,
  fields: object,
  context: FormContext,
): Promise<string> {
  const jwk = parseKey(publicKey)
  if (typeof crypto.subtle === 'undefined')
    throw new PrivityError('not_supported', { what: lackOf('crypto.subtle') })
  const { record, purpose, binding } = context
  const payload = {
    v: FORM_VERSION,
    // Makes the same form, handed in twice, one operation.
    id: randomId(),
    at: systemClock().now(),
    record: requireText('record', record),
    purpose: requireText('purpose', purpose),
    ...(binding === undefined ? {} : { binding: requireText('binding', binding) }),
    fields: fields as JsonObject,
  }
  return sealJwe({ plaintext: canonicalBytes(payload), typ: FORM_TYP, jwk })
}

/** Only its own members: what else the app's answer holds goes nowhere. */
function parseKey(key: Partial<FormJwk> | undefined): FormJwk {
  const { kty, crv, x = '', y = '', kid = '', alg, use } = key ?? {}
  const isKnown = kty === 'EC' && crv === 'P-256' && alg === 'ECDH-ES' && use === 'enc'
  if (!isKnown || !POINT.test(x) || !POINT.test(y) || !THUMBPRINT.test(kid))
    throw invalidInput(['publicKey'], 'not_a_key')
  return { kty, crv, x, y, kid, alg, use }
}

function requireText(name: string, text: unknown): string {
  if (typeof text !== 'string' || text === '') throw invalidInput(['context', name], 'not_a_string')
  return text
}
