import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readTarHeader, tarEnd, tarFile } from '../../src/evidence/tar.ts'
import { join, readTar, writeTar } from '../support/tar-files.ts'

const name = fc.stringMatching(/^[a-z0-9]{1,8}(\/[a-z0-9]{1,8}){0,5}(\.p)?$/)

describe('an archive', () => {
  test('is what POSIX describes, for any files', () => {
    const files = fc.array(fc.record({ name, contents: fc.uint8Array({ maxLength: 2_000 }) }), {
      maxLength: 5,
    })
    fc.assert(
      fc.property(files, (some) => {
        const archive = join([...some.map((file) => tarFile(file.name, file.contents)), tarEnd()])
        expect(archive).toEqual(writeTar(some))
        expect(readTar(archive)).toEqual(some)
      }),
      { seed: 20_261_122 },
    )
  })

  test('has headers that are read back', () => {
    const block = tarFile('tile/0/x001/234.p/5', new Uint8Array(70_000)).subarray(0, 512)
    expect(readTarHeader(block)).toEqual({ name: 'tile/0/x001/234.p/5', size: 70_000 })
  })

  test.for(['', '/etc', '../up', 'a/../b', 'a//b', 'a/', 'A', 'ä', 'a b', 'a'.repeat(100)])(
    'has no file of the name %j',
    (odd) => {
      const block = tarFile(odd, new Uint8Array(0)).subarray(0, 512)
      expect(readTarHeader(block)).toBeUndefined()
    },
  )
})
