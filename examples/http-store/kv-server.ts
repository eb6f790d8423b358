// A key-value database in memory, for the example: get, list, and atomic changes on versions.
import { createServer, type IncomingMessage, type Server } from 'node:http'

interface Held {
  readonly value: string
  readonly version: number
}

interface Change {
  readonly checks: readonly { readonly key: string; readonly version: number }[]
  readonly put: readonly { readonly key: string; readonly value: string }[]
  readonly del: readonly string[]
}

interface List {
  readonly prefix: string
  readonly after?: string
  readonly limit: number
}

const ABSENT: Held = { value: '', version: 0 }

export function createKvServer(): Server {
  const rows = new Map<string, Held>()
  let version = 0
  const answers: { readonly [path: string]: (body: never) => unknown } = {
    '/info': () => ({ durable: false }),
    '/get': ({ keys }: { keys: readonly string[] }) =>
      keys.map((key) => ({ key, ...(rows.get(key) ?? ABSENT) })),
    '/list': ({ prefix, after = '', limit }: List) =>
      [...rows]
        .filter(([key]) => key.startsWith(prefix) && key > after)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .slice(0, limit)
        .map(([key, held]) => ({ key, ...held })),
    '/atomic': ({ checks, put, del }: Change) => {
      const holds = checks.every((check) => {
        return (rows.get(check.key) ?? ABSENT).version === check.version
      })
      if (!holds) return undefined
      version += 1
      for (const { key, value } of put) rows.set(key, { value, version })
      for (const key of del) rows.delete(key)
      return {}
    },
  }
  return createServer(async (request, response) => {
    const body = JSON.parse(await textOf(request)) as never
    const answer = answers[request.url ?? '']?.(body)
    response.statusCode = answer === undefined ? 409 : 200
    response.end(JSON.stringify(answer ?? null))
  })
}

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part)
  return Buffer.concat(parts).toString()
}
