import { existsSync } from 'node:fs'
import { playwright } from '@vitest/browser-playwright'
import type { TestProjectInlineConfiguration } from 'vitest/config'

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

/** The tests under test/browser, in a real Chromium. */
export function browserProject(): TestProjectInlineConfiguration {
  const launchOptions = { executablePath: findChromium(), args: [...QUIET] }
  return {
    extends: true,
    // Found only during the run, they would make vite reload the page in the middle of it.
    optimizeDeps: { include: ['zod', 'zod/mini', 'jose', '@noble/ciphers/chacha.js'] },
    test: {
      name: 'browser',
      include: ['test/browser/**/*.test.ts'],
      browser: {
        enabled: true,
        headless: true,
        screenshotFailures: false,
        provider: playwright({ launchOptions }),
        instances: [{ browser: 'chromium' }],
      },
    },
  }
}

function findChromium(): string {
  const given = process.env['CHROMIUM_PATH']
  const found = given ?? INSTALLED.find((path) => existsSync(path))
  if (found === undefined) {
    throw new Error('No Chromium: install one (apt-get install chromium) or set CHROMIUM_PATH')
  }
  return found
}
