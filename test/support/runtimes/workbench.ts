import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { type Consumer, installPackage, packProject } from '../package/install.ts'
import { run } from '../package/run.ts'
import { PROJECT_ROOT } from '../project-files.ts'

/** An app with `main.mjs` for runtimes that load packages, and the same as `bundle.mjs` for the others. */
export interface Workbench {
  readonly consumer: Consumer
}

interface Wycheproof {
  readonly testGroups: readonly {
    readonly publicKey: { readonly pk: string }
    readonly tests: readonly {
      readonly tcId: number
      readonly msg: string
      readonly sig: string
      readonly result: string
    }[]
  }[]
}

/** Two 12-byte roots that the published verifier leaves to its caller, and this one refuses. */
const NO_HASHES = 'consistency/additional/sizes are equal (one) and proof is empty'

const MAIN = `
import evidence from './evidence.json' with { type: 'json' }
import { verifySignature } from './signature.mjs'
import { story } from './portable.mjs'
import { verdicts } from './verdicts.mjs'

export async function report() {
  const checks = await story()
  return JSON.stringify({ checks, rows: await verdicts({ ...evidence, verifySignature }) })
}
`

/** Installs the built package as an app would, with the suite and its evidence beside it. */
export async function setUpWorkbench(): Promise<Workbench> {
  const consumer = installPackage(await packProject())
  const suite = join(PROJECT_ROOT, 'test/runtimes')
  for (const name of readdirSync(suite).filter((file) => file.endsWith('.mjs'))) {
    copyFileSync(join(suite, name), join(consumer.root, name))
  }
  await bundleFile(
    join(PROJECT_ROOT, 'src/crypto/signature.ts'),
    join(consumer.root, 'signature.mjs'),
  )
  const made = await run(process.execPath, ['make-evidence.mjs'], { cwd: consumer.root })
  if (!made.ok) throw new Error(`no evidence: ${made.stderr}`)
  const evidence = { ...JSON.parse(made.stdout), probes: probes() }
  const ed25519 = [...wycheproof(), ...evidence.weak]
  write(consumer, 'evidence.json', JSON.stringify({ ...evidence, ed25519 }))
  write(consumer, 'main.mjs', MAIN)
  await bundleFile(join(consumer.root, 'main.mjs'), join(consumer.root, 'bundle.mjs'))
  return { consumer }
}

/** Puts a file into the root of the app. */
export function write(consumer: Consumer, name: string, text: string): void {
  writeFileSync(join(consumer.root, name), text)
}

async function bundleFile(entry: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    logLevel: 'silent',
  })
}

function probes(): readonly object[] {
  const all: readonly { readonly name: string; readonly wantErr: boolean }[] = JSON.parse(
    vector('merkle/probes.json'),
  )
  return all.map((probe) => (probe.name === NO_HASHES ? { ...probe, wantErr: true } : probe))
}

function wycheproof(): readonly object[] {
  const { testGroups }: Wycheproof = JSON.parse(vector('wycheproof/ed25519_test.json'))
  return testGroups.flatMap(({ publicKey, tests }) =>
    tests.map(({ tcId, msg, sig, result }) => ({
      name: `Wycheproof Ed25519 ${tcId}`,
      good: result === 'valid',
      publicKey: publicKey.pk,
      message: msg,
      signature: sig,
    })),
  )
}

function vector(path: string): string {
  return readFileSync(join(PROJECT_ROOT, 'test/vectors', path), 'utf8')
}
