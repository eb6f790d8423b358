import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toHex } from '../../src/base/bytes.ts'
import {
  isRenewed,
  isUnderOld,
  lacksNewer,
  oldEntries,
  oldNames,
  renewClass,
} from '../../src/erasure/partial/renewal.ts'
import { keysOfClass, type RingEntry } from '../../src/keys/key-ring.ts'
import type { RecordHead } from '../../src/subjects/head.ts'

fc.configureGlobal({ seed: 20_261_122 })

const entry: fc.Arbitrary<RingEntry> = fc.record({
  accessClass: fc.nat({ max: 3 }),
  generation: fc.integer({ min: 1, max: 5 }),
  epoch: fc.constant(1),
  keyId: fc.uint8Array({ minLength: 8, maxLength: 8 }),
  wrapped: fc.constant(new Uint8Array(72)),
})
const ring = fc.uniqueArray(entry, { selector: ({ keyId }) => toHex(keyId), maxLength: 8 })

test('every key of a class goes when it is renewed, and no key of another', () => {
  fc.assert(
    fc.property(ring, fc.nat({ max: 3 }), (entries, accessClass) => {
      const renewal = renewClass(entries, accessClass, [])
      expect(oldEntries(entries, renewal)).toEqual(keysOfClass(entries, accessClass))
      expect(oldNames(renewal)).toHaveLength(renewal.old.length)
      const rest = entries.filter((it) => it.accessClass !== accessClass)
      expect(isRenewed(rest, renewal)).toBe(true)
      expect(isRenewed(entries, renewal)).toBe(rest.length === entries.length)
    }),
  )
})

test('a key that was made since takes the place of those that go, and is not one of them', () => {
  fc.assert(
    fc.property(ring, entry, (entries, made) => {
      fc.pre(entries.every(({ keyId }) => toHex(keyId) !== toHex(made.keyId)))
      const renewal = renewClass(entries, made.accessClass, [])
      expect(lacksNewer(entries, renewal)).toBe(true)
      expect(lacksNewer([...entries, made], renewal)).toBe(false)
      expect(oldEntries([...entries, made], renewal)).not.toContain(made)
      // Begun anew, it goes as well, and none that was to go before is forgotten.
      const again = renewClass([...entries, made], made.accessClass, [renewal])
      expect(new Set(again.old)).toEqual(new Set([...renewal.old, toHex(made.keyId)]))
    }),
  )
})

test('of several keys of a class the one of the highest generation is the newest', () => {
  fc.assert(
    fc.property(ring, fc.nat({ max: 3 }), (entries, accessClass) => {
      const keys = keysOfClass(entries, accessClass).map(({ generation }) => generation)
      expect(keys).toEqual([...keys].sort((a, b) => a - b))
    }),
  )
})

test('a section is under a key that goes unless it was sealed since there is a newer one', () => {
  const at = fc.nat({ max: 9 })
  fc.assert(
    fc.property(at, fc.option(at, { nil: undefined }), (revision, since) => {
      const head: RecordHead = { revision, sections: { 2: [revision, 'l'] }, tokens: [] }
      const renewal = { accessClass: 2, old: [], ...(since === undefined ? {} : { since }) }
      expect(isUnderOld(head, renewal)).toBe(since === undefined || revision < since)
      expect(isUnderOld(head, { ...renewal, accessClass: 3 })).toBe(false)
    }),
  )
})
