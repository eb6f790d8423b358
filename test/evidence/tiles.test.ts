import { describe, expect, test } from 'vitest'
import {
  entriesName,
  fullTiles,
  leafTiles,
  parsePath,
  partialTiles,
  pathOf,
  tileName,
} from '../../src/evidence/tiles.ts'

describe('tiles', () => {
  test('have the paths of c2sp.org/tlog-tiles', () => {
    expect(pathOf(1_234_067)).toBe('x001/x234/067')
    expect(pathOf(0)).toBe('000')
    expect(pathOf(999)).toBe('999')
    expect(pathOf(1_000)).toBe('x001/000')
    expect(tileName({ level: 1, index: 273, width: 256 })).toBe('tile/1/273')
    expect(tileName({ level: 0, index: 273, width: 112 })).toBe('tile/0/273.p/112')
    expect(entriesName({ level: 0, index: 1_000, width: 1 })).toBe('tile/entries/x001/000.p/1')
  })

  test('have paths that are read back, in one spelling', () => {
    for (const index of [0, 7, 999, 1_000, 1_234_067, 2 ** 40])
      expect(parsePath(pathOf(index))).toBe(index)
    for (const odd of [
      '',
      '0',
      '00',
      '0000',
      'x000/001',
      'x1/000',
      '001/000',
      'x001',
      '-01',
      '1e3',
      ' 01',
    ])
      expect(parsePath(odd), odd).toBeUndefined()
  })

  // The example of the specification.
  test('are as many as the specification says for 70,000 entries', () => {
    expect(partialTiles(70_000)).toEqual([
      { level: 2, index: 0, width: 1 },
      { level: 1, index: 1, width: 17 },
      { level: 0, index: 273, width: 112 },
    ])
    const full = Array.from({ length: 273 }, (_, index) => fullTiles(index, 70_000)).flat()
    expect(full.filter(({ level }) => level === 0)).toHaveLength(273)
    expect(full.filter(({ level }) => level > 0)).toEqual([{ level: 1, index: 0, width: 256 }])
    expect([...leafTiles(70_000)]).toHaveLength(274)
  })

  test('of a level above are there once, before the first that they hold', () => {
    expect(partialTiles(256)).toEqual([{ level: 1, index: 0, width: 1 }])
    expect(fullTiles(0, 256 ** 3).map(({ level }) => level)).toEqual([2, 1, 0])
    expect(fullTiles(256, 256 ** 3).map(({ level }) => level)).toEqual([1, 0])
    expect(fullTiles(1, 256 ** 3).map(({ level }) => level)).toEqual([0])
    expect(partialTiles(0)).toEqual([])
  })
})
