import { describe, expect, test } from 'vitest'
import { createTurns } from '../../src/base/turns.ts'

describe('turns', () => {
  test('run what has one name in its order, also after a failure', async () => {
    const turns = createTurns()
    const order: string[] = []
    async function step(name: string, fails: 'fails' | 'works'): Promise<string> {
      order.push(`${name} begins`)
      await Promise.resolve()
      order.push(`${name} ends`)
      if (fails === 'fails') throw new RangeError(name)
      return name
    }
    const all = await Promise.allSettled([
      turns('anna', () => step('1', 'works')),
      turns('anna', () => step('2', 'fails')),
      turns('anna', () => step('3', 'works')),
    ])
    expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(order).toEqual(['1 begins', '1 ends', '2 begins', '2 ends', '3 begins', '3 ends'])
  })

  test('keep nobody of another name waiting', async () => {
    const turns = createTurns()
    let release: () => void = () => undefined
    const blocked = turns('anna', () => new Promise<void>((resolve) => (release = resolve)))
    expect(await turns('bram', async () => 'done')).toBe('done')
    release()
    await blocked
  })
})
