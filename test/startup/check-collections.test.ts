import { createPrivity, definePolicy, type ErasureHook, localKeys } from 'privity'
import { memoryStore } from 'privity/memory'
import { describe, expect, test } from 'vitest'
import { controller, refusal, SECRET } from '../support/acme.ts'

const WAIVER = { reason: 'overwritten after a week', reviewAt: '2027-06-30' } as const

function hook(id: string): ErasureHook {
  return { id, plan: async () => [], execute: async () => 'done', verify: async () => 'absent' }
}

async function open(
  collections: Parameters<typeof definePolicy>[0]['collections'],
  ids: readonly string[],
): Promise<void> {
  const privity = await createPrivity({
    policy: definePolicy({
      controller,
      purposes: {},
      records: {},
      roles: {},
      ...(collections === undefined ? {} : { collections }),
    }),
    store: memoryStore(),
    keys: localKeys(SECRET),
    hooks: ids.map(hook),
  })
  await privity.close()
}

describe('what a policy says is kept elsewhere', () => {
  const collections = {
    orders: { hook: 'shop' },
    invoices: { hook: 'shop' },
    letters: { hook: 'mailing-list' },
    logs: { waiver: WAIVER },
  }

  test('is reached by the hooks that are installed', async () => {
    await expect(open(collections, ['mailing-list', 'shop'])).resolves.toBeUndefined()
  })

  test('is refused where a hook is missing', async () => {
    expect(await refusal(open(collections, ['mailing-list']))).toEqual({
      code: 'invalid_input',
      details: {
        issues: [
          { path: ['policy', 'collections', 'orders', 'hook'], code: 'not_installed' },
          { path: ['policy', 'collections', 'invoices', 'hook'], code: 'not_installed' },
        ],
      },
    })
  })

  test('is refused where a hook reaches what it does not name', async () => {
    expect(await refusal(open({ logs: { waiver: WAIVER } }, ['shop', 'mailing-list']))).toEqual({
      code: 'invalid_input',
      details: {
        issues: [
          { path: ['hooks', 'shop'], code: 'not_declared' },
          { path: ['hooks', 'mailing-list'], code: 'not_declared' },
        ],
      },
    })
    expect(await refusal(open({}, ['shop']))).toMatchObject({ code: 'invalid_input' })
  })

  test('is no matter for a policy that says nothing of it', async () => {
    await expect(open(undefined, ['shop'])).resolves.toBeUndefined()
    await expect(open({}, [])).resolves.toBeUndefined()
  })
})
