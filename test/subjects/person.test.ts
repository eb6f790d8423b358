import { describe, expect, test } from 'vitest'
import { type MemoryData, memoryData, memoryStore } from '../../src/adapters/memory.ts'
import { isPrivityError } from '../../src/base/errors.ts'
import { decodeContainer, encodeContainer, SECTION } from '../../src/storage/container.ts'
import { accessorsOf, type Acme, ANNA, giveOnWeb, openAcme, refusal } from '../support/acme.ts'
import { seeded } from '../support/seeded.ts'
import { tenantPrefix } from '../support/stored-bodies.ts'

interface Stored {
  readonly data: MemoryData
  readonly acme: Acme
  readonly id: string
  readonly key: string
  readonly document: Uint8Array
}

async function stored(): Promise<Stored> {
  const data = memoryData()
  const acme = await openAcme(memoryStore({ share: data }))
  const { id } = await acme.subjects.register({ externalId: 'crm:1' })
  await accessorsOf(acme).support.contact.create(id, ANNA)
  await giveOnWeb(acme, id, ['marketing'])
  const key = `${tenantPrefix('acme')}p/${id}`
  const document = data.rows.get(key)
  if (document === undefined) throw new TypeError('the document is not where it should be')
  return { data, acme, id, key, document: document.slice() }
}

/** What an app gets of the person: what she entered, or the code of a refusal. */
async function shown({ acme, id }: Stored): Promise<unknown> {
  try {
    const { state, permits } = await acme.consent.status(id, 'marketing')
    const view = await accessorsOf(acme).support.contact.read(id)
    return { state, permits, ...view }
  } catch (error) {
    if (!isPrivityError(error)) throw error
    return error.code
  }
}

const WHOLE = { state: 'given', permits: true, ...ANNA, language: 'en' }

describe('a person document', () => {
  test('opens as it was written', async () => {
    expect(await shown(await stored())).toEqual(WHOLE)
  })

  test('is unsupported cut short, at whatever byte, and empty', async () => {
    const it = await stored()
    for (let length = 0; length < it.document.length; length += 1) {
      it.data.rows.set(it.key, it.document.subarray(0, length))
      expect(await refusal(it.acme.consent.status(it.id, 'marketing'))).toEqual({
        code: 'unsupported_format',
        details: { what: 'document', version: 0 },
      })
    }
  })

  test('is unsupported with a byte to spare', async () => {
    const it = await stored()
    it.data.rows.set(it.key, Uint8Array.of(...it.document, 0))
    expect(await shown(it)).toBe('unsupported_format')
  })

  test('shows what was written or nothing, whichever of its bits is changed', {
    timeout: 60_000,
  }, async () => {
    const it = await stored()
    const random = seeded(20_261_121)
    const codes = new Set<unknown>()
    for (let byte = 0; byte < it.document.length; byte += 1) {
      const changed = it.document.slice()
      changed[byte] = (changed[byte] ?? 0) ^ (1 << random.below(8))
      it.data.rows.set(it.key, changed)
      const seen = await shown(it)
      if (typeof seen === 'string') codes.add(seen)
      else expect([byte, seen]).toEqual([byte, WHOLE])
    }
    expect([...codes].toSorted()).toEqual(
      expect.arrayContaining(['decryption_failed', 'key_unreadable', 'unsupported_format']),
    )
    expect(codes).not.toContain('erased')
  })

  test('without its head, its ring or its core key is unsupported', async () => {
    const it = await stored()
    const sections = decodeContainer(it.document) ?? []
    for (const kind of [SECTION.head, SECTION.ring]) {
      it.data.rows.set(it.key, encodeContainer(sections.filter((section) => section.kind !== kind)))
      expect(await shown(it)).toBe('unsupported_format')
    }
    const emptyRing = sections.map((section) =>
      section.kind === SECTION.ring ? { ...section, bytes: Uint8Array.of(1, 0, 0) } : section,
    )
    it.data.rows.set(it.key, encodeContainer(emptyRing))
    expect(await shown(it)).toBe('unsupported_format')
  })

  test('does not open in the place of another person', async () => {
    const it = await stored()
    const { id: ben } = await it.acme.subjects.register()
    it.data.rows.set(`${tenantPrefix('acme')}p/${ben}`, it.document)
    expect(await shown({ ...it, id: ben })).toBe('key_unreadable')
  })

  test('does not open with a section set back to its older self', async () => {
    const it = await stored()
    const before = decodeContainer(it.document) ?? []
    await accessorsOf(it.acme).support.contact.update(it.id, { name: 'Anne', address: 'Elsewhere' })
    const after = decodeContainer(it.data.rows.get(it.key) ?? new Uint8Array(0)) ?? []
    for (const [index, section] of after.entries()) {
      const older = before[index]
      if (older === undefined || section.kind !== SECTION.fields) continue
      if (Buffer.from(older.bytes).equals(Buffer.from(section.bytes))) continue
      const mixed = after.map((it, at) => (at === index ? older : it))
      it.data.rows.set(it.key, encodeContainer(mixed))
      expect(await shown(it)).toBe('decryption_failed')
    }
  })

  test('does not open with an older head before newer sections', async () => {
    const it = await stored()
    const before = decodeContainer(it.document) ?? []
    await accessorsOf(it.acme).support.contact.update(it.id, { name: 'Anne' })
    const after = decodeContainer(it.data.rows.get(it.key) ?? new Uint8Array(0)) ?? []
    const mixed = after.map((section) =>
      section.kind === SECTION.head
        ? (before.find(({ kind }) => kind === SECTION.head) ?? section)
        : section,
    )
    it.data.rows.set(it.key, encodeContainer(mixed))
    expect(await shown(it)).toBe('decryption_failed')
  })

  test('is not erased by a fence that the controller did not seal', async () => {
    const it = await stored()
    const sections = decodeContainer(it.document) ?? []
    const forged = { kind: SECTION.fence, accessClass: 0, bytes: new Uint8Array(80) }
    for (const list of [[forged, ...sections], [forged]]) {
      it.data.rows.set(it.key, encodeContainer(list))
      expect(['decryption_failed', 'unsupported_format']).toContain(await shown(it))
    }
  })

  test('is erased where its fence stands, and the fence counts nowhere else', async () => {
    const it = await stored()
    const { id: ben } = await it.acme.subjects.register()
    await it.acme.erasure.erase(it.id, { reason: 'subject_request' })
    expect(await shown(it)).toBe('erased')
    const fence = it.data.rows.get(it.key) ?? new Uint8Array(0)
    it.data.rows.set(`${tenantPrefix('acme')}p/${ben}`, fence)
    expect(['decryption_failed', 'unsupported_format']).toContain(await shown({ ...it, id: ben }))
  })
})

describe('ids', () => {
  test('that nobody has are not found, however they are spelled', async () => {
    const { acme } = await stored()
    const ids = ['0'.repeat(32), '', 'anna', '../k/store', 'F'.repeat(32), `${'0'.repeat(31)}\n`]
    for (const id of ids) {
      expect(await refusal(acme.consent.status(id, 'marketing'))).toEqual({
        code: 'not_found',
        details: { kind: 'subject' },
      })
    }
  })
})
