/**
 * What `privity/verify` says of good evidence and of the same evidence spoiled. Every runtime must
 * say the same, so nothing here depends on the runtime, on time or on chance.
 */
import {
  leafHash,
  parseCheckpoint,
  verifyCertificate,
  verifyCheckpoint,
  verifyConsistency,
  verifyEvidence,
  verifyInclusion,
  verifyReceipt,
  verifyReceiptBundle,
} from 'privity/verify'
import { byteMutations, noteMutations, tokenMutations, weakSignatures } from './mutations.mjs'

/** So many that for each weak key one of its signatures fits one of them. */
const MESSAGES = Array.from({ length: 8 }, (_, byte) => `0${byte}`)

/** Resolves with `{ name, good, verdict }` for everything that was judged; a good one must be `ok`. */
export async function verdicts(evidence) {
  const rows = await Promise.all([
    tokens(evidence),
    checkpoints(evidence),
    bundles(evidence),
    proofs(evidence),
    signatures(evidence),
  ])
  return rows.flat()
}

async function tokens(evidence) {
  const { receipt, certificate, receipts, jwks, otherJwks, signed, vkeys, otherVkey } = evidence
  const [vkey] = vkeys
  const [key] = jwks.keys
  const { alg: _, use: __, ...bare } = key
  const kinds = [
    ['receipt', verifyReceipt, receipt],
    ['certificate', verifyCertificate, certificate],
    ['bundle of receipts', verifyReceiptBundle, receipts],
  ]
  const rows = kinds.flatMap(([kind, verify, token]) => {
    const judge = (name, good, text, keys) =>
      row(`${kind} ${name}`, good, verify(text, { jwks: { keys } }))
    return [
      judge('as signed', true, token, [key]),
      judge('among other keys', true, token, [...otherJwks.keys, key]),
      judge('under a key that states no algorithm', true, token, [bare]),
      judge('without keys', false, token, []),
      judge('under another key', false, token, otherJwks.keys),
      judge('under a key listed twice', false, token, [key, key]),
      judge('under another key of the same name', false, token, [
        { ...otherJwks.keys[0], kid: key.kid },
      ]),
      judge('under a key for encryption', false, token, [{ ...key, use: 'enc' }]),
      judge('under a key of another curve', false, token, [{ ...key, crv: 'P-256' }]),
      judge('under a padded key', false, token, [{ ...key, x: `${key.x}=` }]),
      judge('under a short key', false, token, [{ ...key, x: key.x.slice(0, -4) }]),
      ...tokenMutations(token).map(([name, text]) => judge(name, false, text, [key])),
    ]
  })
  const inLog = (name, good, keys) =>
    row(`receipt ${name}`, good, verifyReceipt(receipt, { jwks, verifierKeys: keys }))
  const foreign = [
    inLog('in a log of a known key', true, [vkey]),
    inLog('in a log of several keys', true, [otherVkey, vkey]),
    inLog('in a log of another key', false, [otherVkey]),
    inLog('in a log without keys', false, []),
    inLog('in a log of half a key', false, [vkey.slice(1)]),
    row('receipt that is a certificate', false, verifyReceipt(certificate, { jwks })),
    row('certificate that is a receipt', false, verifyCertificate(receipt, { jwks })),
    ...signed.map(({ name, good, token, keys }) =>
      row(`receipt ${name}`, good, verifyReceipt(token, { jwks: { keys } })),
    ),
  ]
  return Promise.all([...rows, ...foreign])
}

async function checkpoints({ notes, checkpoint, origin, vkeys, otherVkey }) {
  const [vkey] = vkeys
  // A change in a line of one signer leaves the others standing.
  const alone = `${checkpoint.split('\n').slice(0, 5).join('\n')}\n`
  const judge = (name, good, text, trust = {}) =>
    row(`checkpoint ${name}`, good, verifyCheckpoint(text, { origin, keys: [vkey], ...trust }))
  const head = parseCheckpoint(checkpoint)
  const read = `${head?.origin} ${head?.size} ${hex(head?.root ?? [])}`
  return Promise.all([
    row('checkpoint as read', true, { ok: read === notes.read, reason: read }),
    judge('as signed', true, checkpoint),
    judge('under all keys', true, checkpoint, { keys: vkeys }),
    judge('of one signer', true, alone),
    judge('among other keys', true, checkpoint, { keys: [otherVkey, vkey] }),
    judge('without keys', false, checkpoint, { keys: [] }),
    judge('under another key', false, checkpoint, { keys: [otherVkey] }),
    judge('under a key listed twice', false, checkpoint, { keys: [vkey, vkey] }),
    judge('under half a key', false, checkpoint, { keys: [vkey.slice(0, -1)] }),
    judge('of another log', false, checkpoint, { origin: `${origin}/` }),
    ...notes.signed.map(({ name, good, note, keys }) => judge(name, good, note, { keys })),
    ...noteMutations(alone).map(([name, text]) => judge(name, false, text)),
  ])
}

async function bundles({ bundle, origin, vkeys, otherVkey, checkpoint }) {
  const bytes = fromBase64(bundle)
  const judge = (name, good, source, trust = {}) =>
    row(`evidence ${name}`, good, verifyEvidence(source, { origin, verifierKeys: vkeys, ...trust }))
  return Promise.all([
    judge('as exported', true, bytes),
    judge('in pieces', true, [bytes.slice(0, 700), bytes.slice(700)]),
    judge('under the key of the log', true, bytes, { verifierKeys: [vkeys[0]] }),
    judge('with an older checkpoint', true, bytes, { checkpoint }),
    judge('without keys', false, bytes, { verifierKeys: [] }),
    judge('under another key', false, bytes, { verifierKeys: [otherVkey] }),
    judge('of another log', false, bytes, { origin: `${origin}/` }),
    ...byteMutations(bytes).map(([name, changed]) => judge(name, false, changed)),
  ])
}

async function proofs({ probes }) {
  const empty = hex(leafHash(new Uint8Array(0)))
  // RFC 6962 section 2.1: SHA-256 of one zero byte.
  const known = '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'
  const rows = probes.map(async (probe) => {
    const ok = probe.kind === 'inclusion' ? inclusion(probe) : consistency(probe)
    return row(probe.name, !probe.wantErr, { ok, reason: 'not proven' })
  })
  return Promise.all([row('leaf hash', true, { ok: empty === known, reason: empty }), ...rows])
}

function inclusion({ leafIdx, treeSize, root, leafHash: leaf, proof }) {
  return verifyInclusion({
    index: BigInt(leafIdx),
    size: BigInt(treeSize),
    root: fromBase64(root),
    leafHash: fromBase64(leaf),
    proof: proof.map(fromBase64),
  })
}

function consistency({ size1, size2, root1, root2, proof }) {
  return verifyConsistency({
    size1: BigInt(size1),
    size2: BigInt(size2),
    root1: fromBase64(root1),
    root2: fromBase64(root2),
    proof: proof.map(fromBase64),
  })
}

async function signatures({ ed25519, verifySignature }) {
  const verify = (publicKey, message, signature) =>
    verifySignature({
      publicKey: fromHex(publicKey),
      message: fromHex(message),
      signature: fromHex(signature),
    })
  const published = ed25519.map(({ name, good, publicKey, message, signature }) =>
    row(name, good, verify(publicKey, message, signature)),
  )
  const weak = weakSignatures().map(async ({ name, publicKey, signatures: forged }) => {
    const tries = forged.flatMap((signature) =>
      MESSAGES.map((message) => verify(publicKey, message, signature)),
    )
    return row(name, false, (await Promise.all(tries)).includes(true))
  })
  return Promise.all([...published, ...weak])
}

/** A verifier that rejects its promise, or throws, is a fault of its own. */
async function row(name, good, verdict) {
  try {
    const found = await verdict
    if (typeof found === 'boolean') return { name, good, verdict: found ? 'ok' : 'refused' }
    return { name, good, verdict: found.ok === true ? 'ok' : String(found.reason) }
  } catch {
    return { name, good, verdict: 'threw' }
  }
}

function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function fromHex(text) {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}

function fromBase64(text) {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
}
