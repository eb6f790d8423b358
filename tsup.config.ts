import { defineConfig } from 'tsup'

type Config = ReturnType<typeof defineConfig>

const config: Config = defineConfig({
  entry: {
    index: 'src/index.ts',
    memory: 'src/memory.ts',
    idb: 'src/idb.ts',
    sqlite: 'src/sqlite.ts',
    postgres: 'src/postgres.ts',
    reports: 'src/reports.ts',
    verify: 'src/verify.ts',
    seal: 'src/seal.ts',
    hooks: 'src/hooks.ts',
    testkit: 'src/testkit.ts',
  },
  format: ['esm'],
  target: 'es2022',
  platform: 'neutral',
  dts: true,
  sourcemap: true,
  splitting: true,
  treeshake: true,
  clean: true,
  // Bundlers for the browser must see the prefix: `node:sqlite` has no unprefixed twin.
  removeNodeProtocol: false,
  external: [/^node:/],
})

export default config
