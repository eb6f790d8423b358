import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { check, say } from './print.ts'
import { DATA_FOLDER } from './shop.ts'

const VERIFIER = fileURLToPath(new URL('./verify.ts', import.meta.url))

/** What a customer takes home, and the public keys of the shop. */
export interface Papers {
  readonly receipt: string
  readonly certificate: string
  readonly jwks: object
}

/** Lets another process verify the papers: it has them and the public keys, and nothing of the shop. */
export function verifyElsewhere({ receipt, certificate, jwks }: Papers): void {
  const folder = resolve(DATA_FOLDER, 'papers')
  mkdirSync(folder)
  writeFileSync(resolve(folder, 'jwks.json'), JSON.stringify(jwks))
  writeFileSync(resolve(folder, 'receipt.jws'), receipt)
  writeFileSync(resolve(folder, 'certificate.jws'), certificate)
  const { status, stdout } = spawnSync(process.execPath, [VERIFIER], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  for (const line of stdout.trimEnd().split('\n')) say(`  ${line}`)
  check(status === 0, 'both papers hold')
}
