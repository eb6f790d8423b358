import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { orderHooks } from '../../src/erasure/hook-order.ts'
import { refusal } from '../support/acme.ts'

interface Placed {
  readonly id: string
  readonly needsPlaintext?: boolean
  readonly dependsOn?: readonly string[]
}

/** Hooks that depend only on hooks before them, then put in any order. */
const graphs = fc
  .array(fc.array(fc.nat(20), { maxLength: 3 }), { minLength: 1, maxLength: 12 })
  .map((wishes): readonly Placed[] =>
    wishes.map((wish, index) => ({
      id: `h${index}`,
      dependsOn: index === 0 ? [] : wish.map((other) => `h${other % index}`),
    })),
  )
  .chain((hooks) => fc.shuffledSubarray([...hooks], { minLength: hooks.length }))

test('every hook comes behind all that it depends on, and none is lost', () => {
  fc.assert(
    fc.property(graphs, (hooks) => {
      const ordered = orderHooks(hooks)
      expect(new Set(ordered)).toEqual(new Set(hooks))
      ordered.forEach(({ dependsOn = [] }, index) => {
        const before = new Set(ordered.slice(0, index).map(({ id }) => id))
        for (const other of dependsOn) expect(before).toContain(other)
      })
    }),
  )
})

test('hooks that depend on nothing keep their order', () => {
  const hooks = ['c', 'a', 'b'].map((id) => ({ id }))
  expect(orderHooks(hooks)).toEqual(hooks)
})

test('a circle of any length is refused', async () => {
  await fc.assert(
    fc.asyncProperty(graphs, fc.nat(), async (hooks, at) => {
      const closed = hooks.map((hook) => ({ ...hook, dependsOn: [...(hook.dependsOn ?? [])] }))
      const first = closed.find(({ id }) => id === 'h0')
      first?.dependsOn.push(`h${at % hooks.length}`)
      // The first depends on nothing, so that it closes a circle exactly if the other leads to it.
      const leads = reaches(closed, `h${at % hooks.length}`, 'h0')
      if (!leads) {
        expect(orderHooks(closed)).toHaveLength(hooks.length)
        return
      }
      expect(await refusal(() => orderHooks(closed))).toMatchObject({
        code: 'invalid_input',
        details: { issues: [{ path: ['hooks'], code: 'cycle' }] },
      })
    }),
  )
})

function reaches(hooks: readonly Placed[], from: string, to: string): boolean {
  const seen = new Set<string>()
  const open = [from]
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (id === to) return true
    if (seen.has(id)) continue
    seen.add(id)
    open.push(...(hooks.find((hook) => hook.id === id)?.dependsOn ?? []))
  }
  return false
}

test('an unknown hook, and one that runs later, cannot be depended on', async () => {
  const details = (index: number, code: string): object => ({
    code: 'invalid_input',
    details: { issues: [{ path: ['hooks', index, 'dependsOn', 0], code }] },
  })
  const unknown = [{ id: 'a', dependsOn: ['b'] }]
  expect(await refusal(() => orderHooks(unknown))).toEqual(details(0, 'unknown_hook'))
  const early = [{ id: 'a' }, { id: 'b', needsPlaintext: true, dependsOn: ['a'] }]
  expect(await refusal(() => orderHooks(early))).toEqual(details(1, 'runs_later'))
  const late = [
    { id: 'b', dependsOn: ['a'] },
    { id: 'a', needsPlaintext: true },
  ]
  expect(orderHooks(late).map(({ id }) => id)).toEqual(['a', 'b'])
})
