import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { basename, join } from 'node:path'
import { build } from 'esbuild'
import { PROJECT_ROOT } from '../project-files.ts'

/** Pages of this machine, which browsers trust as they trust TLS. */
export interface Site {
  readonly origin: string
  close(): void
}

/**
 * Serves programs, each bundled from a source file with the package's own sources: `/name.mjs` is
 * the program, and every other path a page that runs it.
 */
export async function openSite(files: readonly string[]): Promise<Site> {
  const programs = new Map<string, string>()
  for (const file of files) programs.set(`/${basename(file, '.ts')}.mjs`, await bundle(file))
  const server = createServer(({ url = '/' }, response) => {
    const program = programs.get(url)
    response.setHeader('content-type', program === undefined ? 'text/html' : 'text/javascript')
    response.end(program ?? page(url))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  return {
    origin: `http://127.0.0.1:${port}`,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

function page(url: string): string {
  return `<!doctype html><title>test</title><script type="module" src="${url}.mjs"></script>`
}

/** One program from a source file, with the package's own sources. */
export async function bundle(file: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(PROJECT_ROOT, file)],
    alias: aliases(),
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    write: false,
    logLevel: 'silent',
  })
  return outputFiles[0]?.text ?? ''
}

/** The published names, which stand for the sources here as in every test. */
function aliases(): { [name: string]: string } {
  const manifest = JSON.parse(readFileSync(join(PROJECT_ROOT, 'package.json'), 'utf8'))
  const subpaths = Object.keys(manifest.exports).filter((path) => !path.endsWith('.json'))
  const longestFirst = subpaths.sort((a, b) => b.length - a.length)
  return Object.fromEntries(
    longestFirst.map((path) => [
      path.replace('.', 'privity'),
      join(PROJECT_ROOT, 'src', path === '.' ? 'index.ts' : `${path.slice(2)}.ts`),
    ]),
  )
}
