import { calculateJwkThumbprint } from 'jose'

/** The public half of a key that forms are sealed to, as a JSON Web Key (RFC 7517). */
export interface FormJwk {
  readonly kty: 'EC'
  /** Every browser and runtime has this curve; X25519 is not everywhere. */
  readonly crv: 'P-256'
  readonly x: string
  readonly y: string
  /** The thumbprint of the key (RFC 7638). */
  readonly kid: string
  readonly alg: 'ECDH-ES'
  readonly use: 'enc'
}

/** Both halves. */
export interface FormKey {
  readonly jwk: FormJwk
  /** The private half, base64url. */
  readonly d: string
}

const ECDH = { name: 'ECDH', namedCurve: 'P-256' } as const

/** A new random key. */
export async function generateFormKey(): Promise<FormKey> {
  // Extractable, because it is stored sealed.
  const { privateKey } = await crypto.subtle.generateKey(ECDH, true, ['deriveBits'])
  const { x = '', y = '', d = '' } = await crypto.subtle.exportKey('jwk', privateKey)
  return { jwk: await toFormJwk({ x, y }), d }
}

/** The public half of a point, with its name. */
export async function toFormJwk(point: Pick<FormJwk, 'x' | 'y'>): Promise<FormJwk> {
  const key = { kty: 'EC', crv: 'P-256', x: point.x, y: point.y } as const
  return { ...key, kid: await calculateJwkThumbprint(key), alg: 'ECDH-ES', use: 'enc' }
}
