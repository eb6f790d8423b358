import type { Consumer } from './install.ts'
import { run } from './run.ts'

/** Imports and requires each specifier in one process; `require` refuses top-level await. */
export async function importFaults(
  consumer: Consumer,
  specifiers: readonly string[],
  node: string = process.execPath,
): Promise<readonly string[]> {
  const faults = await Promise.all(
    specifiers.map(async (specifier) => {
      const { ok, stderr } = await run(node, ['--input-type=module', '-e', script(specifier)], {
        cwd: consumer.root,
      })
      return ok ? [] : [`${specifier} does not load: ${stderr.trim()}`]
    }),
  )
  return faults.flat()
}

function script(specifier: string): string {
  return `
    import { createRequire } from 'node:module'
    const imported = await import('${specifier}')
    const required = createRequire(process.cwd() + '/main.js')('${specifier}')
    const names = Object.keys(imported)
    if (names.length === 0) throw new Error('no exports')
    for (const name of names) {
      if (imported[name] !== required[name]) throw new Error('two copies of ' + name)
    }`
}
