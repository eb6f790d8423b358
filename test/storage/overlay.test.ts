import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { createOverlay } from '../../src/storage/overlay.ts'

const SNAPSHOT = new Map([
  ['a', utf8('1')],
  ['b', utf8('22')],
  ['c', undefined],
])

describe('an overlay', () => {
  test('shows the snapshot, and on top of it what was changed', () => {
    const overlay = createOverlay(SNAPSHOT)
    expect(['a', 'b', 'c'].map(overlay.get)).toEqual([utf8('1'), utf8('22'), undefined])
    overlay.apply({ put: [['a', utf8('x')]], del: ['b'] })
    overlay.apply({ put: [['c', utf8('new')]], del: [] })
    expect(['a', 'b', 'c'].map(overlay.get)).toEqual([utf8('x'), undefined, utf8('new')])
  })

  test('shows what was written, whether or not it was read', () => {
    const overlay = createOverlay(SNAPSHOT)
    overlay.apply({ put: [['z', utf8('z')]], del: [] })
    expect(overlay.get('z')).toEqual(utf8('z'))
  })

  test('does not answer for a row that nobody read, and tells which those are', () => {
    const overlay = createOverlay(SNAPSHOT)
    expect(() => overlay.get('z')).toThrow(TypeError)
    expect(['a', 'c', 'z'].map(overlay.isDeclared)).toEqual([true, true, false])
    overlay.apply({ put: [['z', utf8('z')]], del: [] })
    expect(overlay.isDeclared('z')).toBe(true)
  })

  test('checks what was read and is written, against the snapshot', () => {
    const overlay = createOverlay(SNAPSHOT)
    overlay.apply({
      put: [
        ['a', utf8('x')],
        ['z', utf8('z')],
      ],
      del: ['c'],
    })
    overlay.apply({ put: [['a', utf8('y')]], del: [] })
    expect(overlay.toBatch()).toEqual({
      checks: [
        ['a', utf8('1')],
        ['c', null],
      ],
      put: [
        ['a', utf8('y')],
        ['z', utf8('z')],
      ],
      del: ['c'],
    })
  })

  test('checks what is held and nobody changes, and writes it as it is', () => {
    const overlay = createOverlay(SNAPSHOT)
    overlay.hold('b')
    overlay.hold('c')
    overlay.apply({ put: [['a', utf8('x')]], del: [] })
    overlay.hold('a')
    expect(overlay.toBatch()).toEqual({
      checks: [
        ['b', utf8('22')],
        ['c', null],
        ['a', utf8('1')],
      ],
      put: [
        ['b', utf8('22')],
        ['a', utf8('x')],
      ],
      del: ['c'],
    })
    expect(() => overlay.hold('z')).toThrow(TypeError)
  })

  test('of several changes writes each row once, as the last one left it', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd')
    const change = fc.tuple(key, fc.option(fc.uint8Array({ maxLength: 9 }), { nil: undefined }))
    fc.assert(
      fc.property(fc.array(change, { maxLength: 20 }), (changes) => {
        const overlay = createOverlay(SNAPSHOT)
        const wanted = new Map<string, Uint8Array | undefined>()
        for (const [name, value] of changes) {
          overlay.apply(
            value === undefined ? { put: [], del: [name] } : { put: [[name, value]], del: [] },
          )
          wanted.set(name, value)
        }
        const { checks, put, del } = overlay.toBatch()
        const kept = [...wanted].filter(([, value]) => value !== undefined)
        expect(new Map(put)).toEqual(new Map(kept))
        expect(put.length + del.length).toBe(wanted.size)
        expect(new Set(del)).toEqual(
          new Set([...wanted].flatMap(([name, value]) => (value === undefined ? [name] : []))),
        )
        expect(checks.map(([name]) => name).toSorted()).toEqual(
          [...wanted.keys()].filter((name) => SNAPSHOT.has(name)).toSorted(),
        )
        expect(overlay.ops).toBe(wanted.size)
        expect(overlay.bytes).toBe(kept.reduce((sum, [, value]) => sum + (value?.length ?? 0), 0))
      }),
      { numRuns: 2_000, seed: 20_261_121 },
    )
  })
})
