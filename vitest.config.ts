import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'

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
    globalSetup: './test/support/engines.ts',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/bench/**', 'test/types/**', 'test/fixtures/**'],
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
    ],
  },
})

export default config
