import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { PROJECT_ROOT } from './project-files.ts'

/** How Playwright starts a Chromium. */
export interface ChromiumLaunch {
  readonly executablePath: string
  readonly args: string[]
  readonly env: { [name: string]: string }
}

const INSTALLED: readonly string[] = [
  '/usr/bin/chromium',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
]

/** Keeps the browser from calling out while it runs the tests. */
const QUIET: readonly string[] = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-quic',
  '--disable-sync',
  '--no-first-run',
]

/** The Chromium of CHROMIUM_PATH, else the one that came with npm install, else an installed one. */
export function chromiumLaunch(): ChromiumLaunch {
  const given = process.env['CHROMIUM_PATH']
  if (given !== undefined) return launch(given, {})
  if (process.platform === 'linux' && process.arch === 'x64') return packedChromium()
  const found = INSTALLED.find((path) => existsSync(path))
  if (found === undefined) throw new Error('No Chromium: install Chrome or set CHROMIUM_PATH')
  return launch(found, {})
}

function launch(executablePath: string, env: { [name: string]: string }): ChromiumLaunch {
  const inherited = Object.entries(process.env).map(([name, value = '']) => [name, value] as const)
  return { executablePath, args: [...QUIET], env: { ...Object.fromEntries(inherited), ...env } }
}

/** The package holds the browser compressed, with the libraries that a bare Debian lacks. */
function packedChromium(): ChromiumLaunch {
  const folder = join(PROJECT_ROOT, 'node_modules/.cache', `chromium-${packedVersion()}`)
  if (!existsSync(folder)) unpack(folder)
  return launch(join(folder, 'chromium'), {
    LD_LIBRARY_PATH: join(folder, 'al2023/lib'),
    FONTCONFIG_PATH: join(folder, 'fonts'),
  })
}

function packedVersion(): string {
  try {
    const manifest = join(PROJECT_ROOT, 'node_modules/@sparticuz/chromium/package.json')
    return JSON.parse(readFileSync(manifest, 'utf8')).version
  } catch {
    throw new Error('No Chromium: npm install')
  }
}

/** Beside its place first: several test processes may find it missing at the same time. */
function unpack(folder: string): void {
  mkdirSync(dirname(folder), { recursive: true })
  const partial = mkdtempSync(`${folder}-`)
  const script = "await (await import('@sparticuz/chromium')).default.executablePath()"
  execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: PROJECT_ROOT,
    // Lambda is where the package unpacks the libraries too.
    env: { ...process.env, TMPDIR: partial, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x' },
  })
  try {
    renameSync(partial, folder)
  } catch {
    rmSync(partial, { recursive: true })
  }
}
