import { expect, test } from 'vitest'
import { memoryData, memoryStore } from 'privity/memory'
import { epochOf } from '../../src/keys/stored-key.ts'
import { accessorsOf, ANNA, openAcme, refusal } from '../support/acme.ts'

const SHORT = { code: 'unsupported_format', details: { what: 'stored key', version: 0 } }

test('the epoch of a stored key is that of its own row, wherever that lies in memory', () => {
  const memory = new Uint8Array([9, 9, 0, 0, 0, 7, 1, 2, 9, 9])
  expect(epochOf(memory.subarray(2, 8))).toBe(7)
})

test('a row that is too short to have an epoch is refused, and never read beyond its end', async () => {
  const memory = new Uint8Array([0, 0, 0, 7, 9, 9])
  for (let length = 0; length < 4; length += 1)
    expect(
      await refusal(Promise.resolve().then(() => epochOf(memory.subarray(0, length)))),
    ).toEqual(SHORT)
})

test('a store whose lookup key was cut off does not open', async () => {
  const share = memoryData()
  const acme = await openAcme(memoryStore({ share }))
  const { id } = await acme.subjects.register()
  await accessorsOf(acme).support.contact.create(id, ANNA)
  await acme.close()
  const cut = [...share.rows.keys()].filter((key) => key.includes('/k/l/'))
  expect(cut.length).toBeGreaterThan(0)
  for (const key of cut) share.rows.set(key, new Uint8Array(2))
  expect(await refusal(openAcme(memoryStore({ share })))).toEqual(SHORT)
})
