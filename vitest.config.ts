import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import {
  defineConfig,
  type TestProjectInlineConfiguration,
  type ViteUserConfig,
} from 'vitest/config'

const src = fileURLToPath(new URL('./src', import.meta.url))

const config: ViteUserConfig = defineConfig({
  resolve: {
    // Tests import the package by its published names and meet the sources behind them.
    alias: [
      { find: /^privity$/, replacement: `${src}/index.ts` },
      { find: /^privity\/([a-z]+)$/, replacement: `${src}/$1.ts` },
    ],
  },
  test: {
    watch: false,
    testTimeout: 10_000,
    hookTimeout: 30_000,
    // By default one core is left to the watcher, which is half of a machine of two.
    maxWorkers: '100%',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/browser/**', 'test/bench/**', 'test/types/**', 'test/fixtures/**'],
        },
      },
      {
        extends: true,
        test: {
          name: 'types',
          include: [],
          typecheck: {
            enabled: true,
            only: true,
            include: ['test/types/**/*.test-d.ts'],
            tsconfig: './tsconfig.json',
          },
        },
      },
      ...(await browserProjects()),
    ],
  },
})

export default config

/** Playwright is loaded, and a Chromium asked for, only where there is something to run in it. */
async function browserProjects(): Promise<readonly TestProjectInlineConfiguration[]> {
  if (!existsSync(new URL('./test/browser', import.meta.url))) return []
  const { browserProject } = await import('./test/support/browser-project.ts')
  return [browserProject()]
}
