import { spawnSync } from 'node:child_process'

/** The tests with everything that takes too long for every change: `npm run torture [-- file]`. */
const { status } = spawnSync('npx', ['vitest', 'run', ...process.argv.slice(2)], {
  env: { ...process.env, PRIVITY_TORTURE: 'true' },
  stdio: 'inherit',
  shell: process.platform === 'win32',
})
process.exitCode = status ?? 1
