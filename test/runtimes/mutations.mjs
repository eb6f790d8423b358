/** Order of the group that Ed25519 signatures are made in (RFC 8032 section 5.1). */
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n
/** Encodings of the eight points of small order, the strange spellings last; signed by none, for any key. */
const SMALL = [
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0000000000000000000000000000000000000000000000000000000000000080',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  '0100000000000000000000000000000000000000000000000000000000000080',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
]
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** `[name, text]` of every way in which a compact JWS is spoiled here. */
export function tokenMutations(token) {
  const [header, payload, signature] = token.split('.')
  const join = (...parts) => parts.join('.')
  const withHeader = (change) => join(encode({ ...decode(header), ...change }), payload, signature)
  return [
    ['that is empty', ''],
    ['of two parts', join(header, payload)],
    ['of four parts', join(header, payload, signature, signature)],
    ['without a header', join('', payload, signature)],
    ['without a payload', join(header, '', signature)],
    ['without a signature', join(header, payload, '')],
    ['of algorithm none', withHeader({ alg: 'none' })],
    ['of algorithm HS256', withHeader({ alg: 'HS256' })],
    ['of algorithm ES256', withHeader({ alg: 'ES256' })],
    ['of another type', withHeader({ typ: 'JWT' })],
    ['of another key', withHeader({ kid: 'other' })],
    ['with a critical header', withHeader({ crit: ['b64'], b64: false })],
    ['with an embedded key', withHeader({ jwk: { kty: 'OKP', crv: 'Ed25519', x: '' } })],
    ['with a header in another order', join(reversed(header), payload, signature)],
    ['with a padded signature', `${token}==`],
    ['with a signature in base64', join(header, payload, toBase64(signature))],
    ['with another spelling of its signature', join(header, payload, strayBits(signature))],
    ['with the group order added to its signature', join(header, payload, plusOrder(signature))],
    ['with half a signature', join(header, payload, signature.slice(0, 43))],
    ['with a signature too long', join(header, payload, `${signature}AA`)],
    ['with a signature of zeros', join(header, payload, 'A'.repeat(86))],
    ['with a newline at its end', `${token}\n`],
    ['with a space before it', ` ${token}`],
    ['with a newline in its payload', join(header, `\n${payload}`, signature)],
    ['with NUL in it', `${token}\0`],
    ['in capitals', token.toUpperCase()],
    ...everyNth(token, 97).map((at) => [`changed at ${at}`, changed(token, at)]),
  ]
}

/** `[name, text]` of every way in which a signed checkpoint is spoiled here. */
export function noteMutations(note) {
  const [origin, size, root] = note.split('\n')
  const rest = note.slice(`${origin}\n${size}\n${root}\n`.length)
  const body = (...lines) => `${lines.join('\n')}\n${rest}`
  return [
    ['that is empty', ''],
    ['without signatures', note.slice(0, note.indexOf('\n\n') + 2)],
    ['without its last newline', note.slice(0, -1)],
    ['with a newline more', `${note}\n`],
    ['with CRLF', note.replaceAll('\n', '\r\n')],
    ['with a space at a line end', body(`${origin} `, size, root)],
    ['with a zero before its size', body(origin, `0${size}`, root)],
    ['with a plus before its size', body(origin, `+${size}`, root)],
    ['with its size in hexadecimal', body(origin, `0x${size}`, root)],
    ['with another size', body(origin, `${size}0`, root)],
    ['with an extension line', body(origin, size, root, 'extension')],
    ['without its root', body(origin, size)],
    ['with a short root', body(origin, size, root.slice(4))],
    ['with another spelling of its root', body(origin, size, strayBits(root))],
    ['with its root unpadded', body(origin, size, root.replace('=', ''))],
    ['with a hyphen for the dash', note.replace('\u2014 ', '- ')],
    ['with a second blank line', note.replace('\n\n', '\n\n\n')],
    ['with a byte order mark', `\ufeff${note}`],
    ['with a tab', `\t${note}`],
    ['with a lone surrogate', `\ud800${note}`],
    ['with words after its signatures', `${note}words\n`],
    ...everyNth(note, 17).map((at) => [`changed at ${at}`, changed(note, at)]),
  ]
}

/** `[name, bytes]` of every way in which a bundle of evidence is spoiled here. */
export function byteMutations(bytes) {
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')
  // A changed line of one signer is a stranger's line: those of the other signers still stand.
  const shared = [...text.matchAll(/\n\n(?:\u00e2[^\n]*\n){2,}/g)]
  const places = everyNth(bytes, 127).filter((at) =>
    shared.every(({ 0: lines, index }) => at < index || at >= index + lines.length),
  )
  return [
    ['that is empty', new Uint8Array(0)],
    ['without its end', bytes.slice(0, -1)],
    ['of half its length', bytes.slice(0, bytes.length / 2)],
    ['with a block more', Uint8Array.of(...bytes, ...new Uint8Array(512).fill(1))],
    ['with a byte more', Uint8Array.of(...bytes, 0)],
    ['with a byte before it', Uint8Array.of(0, ...bytes)],
    ['twice', Uint8Array.of(...bytes, ...bytes)],
    ...places.map((at) => [
      `changed at ${at}`,
      bytes.map((byte, index) => (index === at ? byte ^ 1 : byte)),
    ]),
  ]
}

/**
 * `{ name, publicKey, signatures }`: nobody has the secrets of these keys, yet the equation of RFC 8032 holds
 * for some of the signatures and messages of one byte. Runtimes do not agree on them.
 */
export function weakSignatures() {
  const signatures = SMALL.map((point) => point + '00'.repeat(32))
  return SMALL.map((publicKey) => ({ name: `weak key ${publicKey}`, publicKey, signatures }))
}

function everyNth(text, step) {
  return Array.from({ length: Math.floor(text.length / step) }, (_, index) => index * step)
}

/** One character replaced by a character that its alphabet has. */
function changed(text, at) {
  const char = text[at] === 'A' ? 'B' : 'A'
  return text.slice(0, at) + char + text.slice(at + 1)
}

/** The same bytes, spelled with a bit in the last digit that no decoder needs. */
function strayBits(text) {
  const digits = text.replaceAll('=', '')
  const last = ALPHABET.indexOf(digits.at(-1).replace('+', '-').replace('/', '_'))
  const stray = ALPHABET[last ^ 1].replace('-', '+').replace('_', '/')
  return digits.slice(0, -1) + stray + text.slice(digits.length)
}

function plusOrder(signature) {
  const bytes = bytesOf(signature)
  let scalar = 0n
  for (const byte of bytes.slice(32).reverse()) scalar = (scalar << 8n) | BigInt(byte)
  let sum = scalar + ORDER
  for (let at = 32; at < 64; at += 1, sum >>= 8n) bytes[at] = Number(sum & 255n)
  return textOf(bytes)
}

function reversed(header) {
  return encode(Object.fromEntries(Object.entries(decode(header)).reverse()))
}

function decode(part) {
  return JSON.parse(new TextDecoder().decode(bytesOf(part)))
}

function encode(value) {
  return textOf(new TextEncoder().encode(JSON.stringify(value)))
}

function bytesOf(base64url) {
  return Uint8Array.from(atob(toBase64(base64url)), (char) => char.charCodeAt(0))
}

function textOf(bytes) {
  const base64 = btoa(String.fromCharCode(...bytes))
  return base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

function toBase64(base64url) {
  const digits = base64url.replaceAll('-', '+').replaceAll('_', '/')
  return digits.padEnd(Math.ceil(digits.length / 4) * 4, '=')
}
