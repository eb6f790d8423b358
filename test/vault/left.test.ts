import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ORPHAN, WHOLE } from '../../src/subjects/head.ts'
import { isLeaving, isLeftBehind, leftAfter } from '../../src/vault/left.ts'

const OWNER = 'ticketId'
const fields = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', OWNER))
const lefts = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', OWNER, WHOLE, ORPHAN))
const kinds = fc.constantFrom('written', 'ended', 'renewed')
const owners = fc.option(
  fc.record({
    record: fc.constant('ticket'),
    fieldId: fc.constant(OWNER),
    onErase: fc.constantFrom('delete', 'detach'),
  }),
  { nil: undefined },
)

describe('what is still to go of a record', () => {
  test('is never more than before, and nothing of what has another value', () => {
    fc.assert(
      fc.property(lefts, owners, kinds, fields, (left, ownedBy, kind, changed) => {
        const after = leftAfter({ left }, ownedBy, { kind, changed }).left ?? []
        expect(left).toEqual(expect.arrayContaining([...after]))
        for (const field of changed) expect(after).not.toContain(field)
      }),
    )
  })

  test('is all that was to go where other fields change, but for the record that the app wants again', () => {
    fc.assert(
      fc.property(lefts, owners, kinds, fields, (left, ownedBy, kind, changed) => {
        const after = leftAfter({ left }, ownedBy, { kind, changed }).left ?? []
        const names = left.filter((it) => it !== WHOLE && it !== ORPHAN && !changed.includes(it))
        expect(after).toEqual(expect.arrayContaining(names))
        expect(after.includes(WHOLE)).toBe(left.includes(WHOLE) && kind !== 'written')
      }),
    )
  })

  test('is a part no more once the app names another owner, or once it is let go', () => {
    fc.assert(
      fc.property(owners, kinds, fields, (ownedBy, kind, changed) => {
        const after = leftAfter({ left: [ORPHAN] }, ownedBy, { kind, changed }).left ?? []
        const isNamed = ownedBy !== undefined && changed.includes(OWNER)
        const isOver = isNamed && (kind === 'written' || ownedBy.onErase === 'detach')
        expect(after).toEqual(isOver ? [] : [ORPHAN])
      }),
    )
  })

  test('is nothing that a record has to remember where nothing was to go', () => {
    expect(leftAfter(undefined, undefined, { kind: 'written', changed: ['a'] })).toEqual({})
    expect(leftAfter({}, undefined, { kind: 'ended', changed: ['a'] })).toEqual({})
    expect([{}, { left: ['a'] }, { left: [WHOLE] }, { left: [ORPHAN] }].map(isLeftBehind)).toEqual([
      false,
      false,
      true,
      true,
    ])
  })

  test('is a field only while the policy says that it names people, and does not retain them', () => {
    const head = { left: ['a'] }
    const detach = { onErase: 'detach' } as const
    expect(isLeaving(head, { id: 'a', refs: detach })).toBe(true)
    expect(isLeaving(head, { id: 'b', refs: detach })).toBe(false)
    expect(isLeaving(head, { id: 'a' })).toBe(false)
    expect(isLeaving(head, { id: 'a', refs: { onErase: 'retain' } })).toBe(false)
    expect(isLeaving({}, { id: 'a', refs: detach })).toBe(false)
  })
})
