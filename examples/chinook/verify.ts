// Run by evidence.ts in a folder with two papers and the public keys; needs no shop and no network.
import { readFileSync } from 'node:fs'
import { verifyCertificate, verifyReceipt } from 'privity/verify'

const jwks = JSON.parse(readFileSync('jwks.json', 'utf8'))
const receipt = readFileSync('receipt.jws', 'utf8')
const certificate = readFileSync('certificate.jws', 'utf8')

const given = await verifyReceipt(receipt, { jwks })
console.log(`receipt: ${given.ok ? 'valid' : given.reason}`)
for (const name of ['type', 'occurredAt', 'durability']) {
  console.log(`  ${name}: ${given.record?.[name]}`)
}

const erased = await verifyCertificate(certificate, { jwks })
console.log(`certificate: ${erased.ok ? 'valid' : erased.reason}`)
for (const name of ['reason', 'completedAt', 'irrecoverableBy']) {
  console.log(`  ${name}: ${erased.certificate?.[name]}`)
}

const forged = await verifyReceipt(forge(receipt), { jwks })
console.log(`receipt with one byte changed: ${forged.ok ? 'valid' : forged.reason}`)

process.exitCode = given.ok && erased.ok && !forged.ok ? 0 : 1

/** Another first byte of what was signed. */
function forge(jws: string): string {
  const [header, payload = '', signature] = jws.split('.')
  const bytes = Buffer.from(payload, 'base64url')
  bytes[0] = 0x5b
  return [header, bytes.toString('base64url'), signature].join('.')
}
