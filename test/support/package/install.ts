import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { PROJECT_ROOT } from '../project-files.ts'
import { run } from './run.ts'
import { readTarball } from './tar.ts'

/** What npm would install beside the package; linked, so that no network is needed. */
const DEPENDENCIES: readonly string[] = ['@noble/ciphers', '@noble/hashes', 'idb', 'jose', 'zod']

/** An app's folder in which a package named privity is installed. */
export interface Consumer {
  readonly root: string
  readonly packed: ReadonlyMap<string, Uint8Array>
}

/** Packs the project as it would be published. */
export async function packProject(): Promise<ReadonlyMap<string, Uint8Array>> {
  const folder = mkdtempSync(join(tmpdir(), 'privity-pack-'))
  try {
    const result = await runNpm([
      'pack',
      '--json',
      '--ignore-scripts',
      '--pack-destination',
      folder,
    ])
    if (!result.ok) throw new Error(`npm pack failed: ${result.stderr}`)
    const [first] = JSON.parse(result.stdout) as readonly { readonly filename: string }[]
    return readTarball(readFileSync(join(folder, first?.filename ?? '')))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export function installPackage(packed: ReadonlyMap<string, Uint8Array | string>): Consumer {
  const root = mkdtempSync(join(tmpdir(), 'privity-consumer-'))
  writeFileSync(join(root, 'package.json'), '{ "name": "consumer", "type": "module" }\n')
  for (const [path, content] of packed) {
    write(join(root, 'node_modules', 'privity', path), content)
  }
  for (const name of DEPENDENCIES) {
    const link = join(root, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(PROJECT_ROOT, 'node_modules', name), link, 'junction')
  }
  return { root, packed: new Map([...packed].map(([path, content]) => [path, toBytes(content)])) }
}

function runNpm(args: readonly string[]): ReturnType<typeof run> {
  const cli = process.env['npm_execpath']
  if (cli?.endsWith('.js')) return run(process.execPath, [cli, ...args], { cwd: PROJECT_ROOT })
  // Outside of npm scripts; on Windows npm is a script for the shell.
  return run('npm', args, { cwd: PROJECT_ROOT, shell: process.platform === 'win32' })
}

function write(path: string, content: Uint8Array | string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
}

function toBytes(content: Uint8Array | string): Uint8Array {
  return typeof content === 'string' ? new TextEncoder().encode(content) : content
}
