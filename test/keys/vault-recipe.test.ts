import * as privity from 'privity'
import type { KeyProvider } from 'privity'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { refusal } from '../support/acme.ts'
import { extractFences } from '../support/docs/snippets.ts'
import { readProject } from '../support/project-files.ts'

const PAGE = 'docs/keys.md'

/** What Vault keeps of a transit key, as its API names it. */
interface TransitKey {
  latest_version: number
  min_available_version: number
  min_decryption_version: number
  min_encryption_version: number
}

test('the recipe for Vault destroys epochs in order only, since Vault forgets all earlier ones along', async () => {
  const key: TransitKey = {
    latest_version: 4,
    min_available_version: 0,
    min_decryption_version: 1,
    min_encryption_version: 0,
  }
  const keys = recipe(key)
  const refused = { code: 'key_unavailable', details: { what: 'kms' } }
  for (const epoch of [2, 3]) expect(await refusal(destroy(keys, epoch))).toEqual(refused)
  expect(key).toMatchObject({ min_available_version: 0, min_decryption_version: 1 })
  expect(await destroy(keys, 1)).toEqual({ effectiveAt: 1_000 })
  expect(key.min_available_version).toBe(2)
  expect(await refusal(destroy(keys, 3))).toEqual(refused)
  expect(await destroy(keys, 2)).toEqual({ effectiveAt: 2_000 })
  expect(await destroy(keys, 3)).toEqual({ effectiveAt: 3_000 })
  expect(await destroy(keys, 1)).toEqual({ effectiveAt: 1_000 })
  expect(key).toEqual({
    latest_version: 4,
    min_available_version: 4,
    min_decryption_version: 4,
    min_encryption_version: 4,
  })
})

async function destroy(keys: KeyProvider, epoch: number): Promise<unknown> {
  return keys.destroy?.(epoch)
}

/** Runs the page's own text, on a Vault that knows one key. */
function recipe(key: TransitKey): KeyProvider {
  const { snippets } = extractFences(PAGE, readProject([PAGE], /./).get(PAGE) ?? '')
  const found = snippets.find(({ code }) => code.includes('vault:transit'))
  const { outputText } = ts.transpileModule(`${found?.code}\nexport { keys }`, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
  })
  const exports: { keys?: KeyProvider } = {}
  const times = { noteOnce: async (epoch: number) => epoch * 1_000 }
  const names = ['require', 'exports', 'token', 'times', 'fetch']
  const run = new Function(...names, outputText)
  run(() => privity, exports, 'token', times, vault(key))
  if (exports.keys === undefined) throw new TypeError('no recipe')
  return exports.keys
}

function vault(key: TransitKey): (url: string, init: RequestInit) => Promise<Response> {
  return async (url, { body }) => {
    if (typeof body !== 'string') return Response.json({ data: key })
    const change = JSON.parse(body) as Partial<TransitKey>
    const limit = Math.min(key.min_decryption_version, key.min_encryption_version)
    // As Vault does: nothing is trimmed that may still be used.
    if (url.endsWith('/trim') && (change.min_available_version ?? 0) > limit)
      return new Response(null, { status: 400 })
    Object.assign(key, change)
    return new Response(null, { status: 204 })
  }
}
