import { describe, expect, test } from 'vitest'
import { assertKeys } from '../../src/storage/batch-rules.ts'
import { createKeyspace, type Keyspace } from '../../src/storage/keyspace.ts'

const TENANT = '0123456789abcdef'
const KEYS = createKeyspace(TENANT)
const ID = 'f'.repeat(32)
const HASH = 'A'.repeat(43)
const LAST_INDEX = 2 ** 48 - 1

/** One key of every family, with the longest parts that there are. */
function everyKey(keys: Keyspace): readonly string[] {
  const lookup = { lookup: 65_535, generation: 65_535, token: 'f'.repeat(64) }
  return [
    keys.person(ID),
    keys.record(ID, 65_535, ID),
    keys.body(ID, 2 ** 32 - 1),
    keys.page(ID, 'ff'),
    keys.operation(ID, HASH),
    keys.external(65_535, 'f'.repeat(64)),
    keys.token(lookup, ID, ID),
    keys.claim(lookup),
    keys.holder(65_535, ID),
    keys.personDue(0, ID),
    keys.recordDue(LAST_INDEX, { id: ID, type: 65_535, record: ID }),
    keys.log.head,
    keys.log.leaf(LAST_INDEX),
    keys.log.node(48, LAST_INDEX),
    keys.writer(65_535).head,
    keys.writer(65_535).leaf(LAST_INDEX),
    keys.writer(65_535).node(48, LAST_INDEX),
    keys.segment(65_535, LAST_INDEX),
    keys.access(HASH, 65_535, LAST_INDEX),
    keys.catalogue,
    keys.signing,
    keys.policy(HASH),
    keys.layout('f'.repeat(16)),
    keys.noticeRegister,
    keys.notice(ID),
    keys.noticeText(HASH),
    keys.controllerBody(2 ** 32 - 1),
    keys.writerRegister(65_535),
    keys.shardRegister(65_535),
    keys.shard(65_535).head,
    keys.shard(65_535).leaf(LAST_INDEX),
    keys.erased(65_535, 2 ** 32 - 1),
    keys.spooled(ID),
    keys.certificate(ID),
    keys.job(ID),
    keys.store,
    keys.controllerKey(2 ** 32 - 1),
    keys.classKey(2 ** 32 - 1, 65_535),
    keys.lookupKey(65_535, 65_535),
  ]
}

describe('the keys of a tenant', () => {
  test('are what every store takes, and begin with the tenant', () => {
    const keys = everyKey(KEYS)
    expect(() => assertKeys(keys)).not.toThrow()
    for (const key of keys) expect(key.startsWith(`${TENANT}/`)).toBe(true)
    expect(KEYS.prefix).toBe(`${TENANT}/`)
  })

  test('are all different, and none is a part of the beginning of another by accident', () => {
    const keys = everyKey(KEYS)
    expect(new Set(keys).size).toBe(keys.length)
    // The document and the register stand before what belongs to them.
    const parents = new Set([KEYS.person(ID), KEYS.noticeRegister])
    for (const key of keys)
      for (const other of keys)
        if (key !== other && !parents.has(key)) expect(other.startsWith(key)).toBe(false)
  })

  test('are never those of another tenant', () => {
    const other = new Set(everyKey(createKeyspace('0123456789abcdee')))
    for (const key of everyKey(KEYS)) expect(other.has(key)).toBe(false)
  })

  test('sort by their numbers', () => {
    const numbers = [0, 1, 9, 10, 255, 256, 4_095, 65_535]
    const families: readonly ((value: number) => string)[] = [
      (value) => KEYS.body(ID, value),
      (value) => KEYS.log.leaf(value),
      (value) => KEYS.log.node(4, value),
      (value) => KEYS.segment(1, value),
      (value) => KEYS.controllerBody(value),
      (value) => KEYS.writer(value).head,
      (value) => KEYS.erased(1, value),
      (value) => KEYS.shard(value).head,
      (value) => KEYS.personDue(value, ID),
    ]
    for (const family of families) {
      const keys = numbers.map(family)
      expect(keys.toSorted()).toEqual(keys)
    }
  })

  test('of a person stand under the prefix that an erasure scans', () => {
    const rows = [
      KEYS.record(ID, 1, ID),
      KEYS.body(ID, 1),
      KEYS.page(ID, 'ff'),
      KEYS.operation(ID, HASH),
    ]
    for (const key of rows) expect(key.startsWith(KEYS.personRows(ID))).toBe(true)
    expect(KEYS.personRows(ID).startsWith(KEYS.person(ID))).toBe(true)
    expect(KEYS.record(ID, 1, ID).startsWith(KEYS.records(ID, 1))).toBe(true)
    expect(KEYS.body(ID, 1).startsWith(KEYS.bodies(ID))).toBe(true)
    expect(KEYS.person('e'.repeat(32)).startsWith(KEYS.personRows(ID))).toBe(false)
  })
})
