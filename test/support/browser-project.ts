import { playwright } from '@vitest/browser-playwright'
import type { TestProjectInlineConfiguration } from 'vitest/config'
import { chromiumLaunch } from './chromium.ts'

/** The tests under test/browser, in a real Chromium. */
export function browserProject(): TestProjectInlineConfiguration {
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
        provider: playwright({ launchOptions: chromiumLaunch() }),
        instances: [{ browser: 'chromium' }],
      },
    },
  }
}
