import { build } from 'esbuild'
import type { Consumer } from './install.ts'

/** What must not stand in the browser bundle of an entry. */
export interface BundleRule {
  readonly entry: string
  readonly texts: readonly string[]
  readonly packages: readonly string[]
}

/**
 * Bundles an entry as an app for the browser would. A static or dynamic import of a `node:` module
 * fails the bundle itself.
 */
export async function bundleFaults(
  consumer: Consumer,
  { entry, texts, packages }: BundleRule,
): Promise<readonly string[]> {
  try {
    const { outputFiles, metafile } = await build({
      stdin: { contents: `export * from '${entry}'`, resolveDir: consumer.root },
      bundle: true,
      format: 'esm',
      platform: 'browser',
      target: 'es2022',
      metafile: true,
      write: false,
      logLevel: 'silent',
    })
    const text = outputFiles.map((file) => file.text).join('\n')
    const inputs = Object.keys(metafile.inputs)
    return [
      ...texts
        .filter((forbidden) => text.toLowerCase().includes(forbidden))
        .map((forbidden) => `${entry} contains '${forbidden}'`),
      ...packages
        .filter((name) => inputs.some((input) => input.includes(`node_modules/${name}/`)))
        .map((name) => `${entry} pulls in ${name}`),
    ]
  } catch (error) {
    return [`${entry} does not bundle: ${String(error)}`]
  }
}
