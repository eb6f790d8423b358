import { expect, onTestFinished, test, vi } from 'vitest'
import { memoryData, memoryStore } from 'privity/memory'
import { caught, openAcme, until } from '../support/acme.ts'
import { hookedStore } from '../support/hooked-store.ts'

interface Gate {
  /** How many wait. */
  waiting: number
  pass(): Promise<void>
  open(): void
}

function gate(): Gate {
  let open: () => void = () => undefined
  const opening = new Promise<void>((resolve) => {
    open = resolve
  })
  const made: Gate = {
    waiting: 0,
    pass: () => {
      made.waiting += 1
      return opening
    },
    open,
  }
  return made
}

test('a change of the key never takes back another one, whenever somebody else asks for the key', async () => {
  const rows = memoryData()
  let held: Gate | undefined
  let reads = 0
  const store = hookedStore(memoryStore({ share: rows }), {
    read: async (keys, next) => {
      const found = await next()
      if (!keys.some((key) => key.endsWith('c/forms'))) return found
      reads += 1
      if (reads === 2) await held?.pass()
      return found
    },
  })
  const one = await openAcme(store)
  const two = await openAcme(memoryStore({ share: rows }))
  await one.forms.publicKey()
  const digest = crypto.subtle.digest.bind(crypto.subtle)
  onTestFinished(() => void vi.restoreAllMocks())
  // Both are let go a few turns of the promise queue apart, in all orders.
  for (let turns = -20; turns <= 20; turns += 1) {
    const [row, thumbprint] = [gate(), gate()]
    reads = 0
    held = row
    const rotating = caught(one.forms.rotateKey())
    await until(() => row.waiting === 1)
    await two.forms.rotateKey()
    const { kid } = await two.forms.publicKey()
    const slow = vi.spyOn(crypto.subtle, 'digest').mockImplementation(async (...args) => {
      const answer = await digest(...args)
      await thumbprint.pass()
      return answer
    })
    const asking = one.forms.publicKey()
    await until(() => thumbprint.waiting > 0 && thumbprint.waiting === slow.mock.calls.length)
    const [first, second] = turns < 0 ? [thumbprint, row] : [row, thumbprint]
    first.open()
    for (let turn = 0; turn < Math.abs(turns); turn += 1) await undefined
    second.open()
    expect([turns, (await rotating).code]).toEqual([turns, 'write_conflict'])
    expect((await asking).kid).toBe(kid)
    slow.mockRestore()
    expect((await one.forms.publicKey()).kid).toBe(kid)
  }
  await one.close()
  await two.close()
})
