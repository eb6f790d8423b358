import { describe, expect, test } from 'vitest'
import { createNextRun } from '../../src/base/next-run.ts'

interface Gate {
  readonly open: () => void
  readonly passed: Promise<void>
}

function gate(): Gate {
  let open: () => void = () => undefined
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, passed }
}

describe('a shared run', () => {
  test('begins after each of its callers called', async () => {
    const gates = [gate(), gate(), gate()]
    let begun = 0
    const call = createNextRun(async () => {
      const mine = begun
      begun += 1
      await gates[mine]?.passed
      return mine
    })
    const first = call()
    const others = [call(), call(), call()]
    expect(begun).toBe(1)
    gates[0]?.open()
    expect(await first).toBe(0)
    gates[1]?.open()
    expect(await Promise.all(others)).toEqual([1, 1, 1])
    gates[2]?.open()
    expect(await call()).toBe(2)
    expect(begun).toBe(3)
  })

  test('that fails does so for its own callers only', async () => {
    let begun = 0
    const call = createNextRun(async () => {
      begun += 1
      if (begun === 1) throw new RangeError('first')
      return begun
    })
    const first = call()
    const second = call()
    await expect(first).rejects.toThrow('first')
    expect(await second).toBe(2)
  })
})
