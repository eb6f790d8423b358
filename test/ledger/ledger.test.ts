import { beforeAll, describe, expect, test } from 'vitest'
import { type MemoryData, memoryData, memoryStore } from '../../src/adapters/memory.ts'
import { readCheckpoint } from '../../src/crypto/checkpoint.ts'
import { parseNote, parseVerifierKey, verifyNote } from '../../src/crypto/note.ts'
import {
  accessorsOf,
  type Acme,
  ANNA,
  giveOnWeb,
  onPaper,
  openAcme,
  publishNotice,
  SECRET,
} from '../support/acme.ts'
import { treeHash } from '../crypto/naive-tree.ts'
import {
  expectedLeaf,
  hashOf,
  type StoredBody,
  storedBodies,
  tenantPrefix,
} from '../support/stored-bodies.ts'

const PREFIX = tenantPrefix('acme')

interface Played {
  readonly data: MemoryData
  readonly anna: string
  readonly ben: string
}

let played: Played

/** Two people with a bit of everything. */
async function play(): Promise<Played> {
  const data = memoryData()
  const acme = await openAcme(memoryStore({ share: data }))
  const { support, care } = accessorsOf(acme)
  const { id: anna } = await acme.subjects.register({ externalId: 'crm:1', jurisdiction: 'NL' })
  const { id: ben } = await acme.subjects.register({ externalId: 'crm:2' })
  await support.contact.create(anna, ANNA)
  const { notice } = await giveOnWeb(acme, anna, ['marketing', 'care'])
  await care.contact.update(anna, { allergies: 'peanuts' })
  await support.contact.update(anna, { email: 'new@example.com' })
  const tickets = await Promise.all(
    ['one', 'two', 'three'].map((text) => support.ticket.create(anna, { text, channel: 'mail' })),
  )
  await support.ticket.remove(anna, tickets[1]?.recordId ?? '')
  await together(acme, ben)
  await acme.consent.withdraw(anna, { purposes: ['marketing', 'analytics', 'support'] })
  await acme.consent.refuse(ben, onPaper(notice, ['care']))
  await support.contact.read(anna)
  await acme.close()
  return { data, anna, ben }
}

/** Several operations on one person that leave in one batch. */
async function together(acme: Acme, id: string): Promise<void> {
  const { support } = accessorsOf(acme)
  const notice = await publishNotice(acme, '2026-12')
  await support.contact.create(id, { ...ANNA, email: 'ben@example.com' })
  await Promise.all([
    acme.consent.give(id, onPaper(notice, ['marketing'])),
    support.contact.update(id, { address: 'Herengracht 2' }),
    acme.consent.withdraw(id, { purposes: ['marketing'] }),
    support.ticket.create(id, { text: 'together' }),
  ])
}

/** The store that the bodies tell of: the hash of every row that should be there. */
function fold(bodies: readonly StoredBody[]): ReadonlyMap<string, string> {
  const rows = new Map<string, string>()
  for (const { body } of bodies) {
    for (const [key, hash] of body.rows) {
      if (hash === null) rows.delete(PREFIX + key)
      else rows.set(PREFIX + key, hash)
    }
  }
  return rows
}

/** Rows that no body names: the logs, the bodies themselves, work in progress. */
function isTold(key: string): boolean {
  return !/^(?:l|w|a|c\/e|c\/q)\/|^p\/[0-9a-f]{32}\/e\//.test(key.slice(PREFIX.length))
}

function hashes(
  { rows }: MemoryData,
  filter: (key: string) => boolean,
): ReadonlyMap<string, string> {
  return new Map(
    [...rows].flatMap(([key, value]) => (filter(key) ? [[key, hashOf(value)] as const] : [])),
  )
}

function bodiesOf(data: MemoryData): Promise<readonly StoredBody[]> {
  return storedBodies(data, { tenant: 'acme', secret: SECRET })
}

function row({ rows }: MemoryData, key: string): Uint8Array {
  return rows.get(key) ?? new Uint8Array(0)
}

beforeAll(async () => {
  played = await play()
})

describe('the bodies of the ledger', () => {
  test('are one per leaf, in the order of the leaves', async () => {
    const bodies = await bodiesOf(played.data)
    const leaves = [...played.data.rows.keys()].filter((key) => key.startsWith(`${PREFIX}l/e/`))
    expect(bodies.map(({ body }) => body.index)).toEqual(leaves.map((_, index) => index))
    expect(bodies.length).toBeGreaterThan(20)
  })

  test('open the leaves that commit to them', async () => {
    for (const body of await bodiesOf(played.data)) {
      const key = `${PREFIX}l/e/${body.body.index.toString(16).padStart(12, '0')}`
      expect(new TextDecoder().decode(row(played.data, key))).toBe(expectedLeaf(body))
    }
  })

  test('are numbered without a gap: for each person, and for what is about nobody', async () => {
    const bodies = await bodiesOf(played.data)
    for (const personId of [played.anna, played.ben, undefined]) {
      const numbers = bodies.flatMap((it) => (it.personId === personId ? [it.body.sequence] : []))
      const first = personId === undefined ? 0 : 1
      expect(numbers).toEqual(numbers.map((_, index) => index + first))
    }
  })

  test('tell, folded, every row of the store and its hash', async () => {
    const bodies = await bodiesOf(played.data)
    expect(fold(bodies)).toEqual(hashes(played.data, isTold))
  })

  test('of one person tell every row of this person', async () => {
    const bodies = await bodiesOf(played.data)
    for (const personId of [played.anna, played.ben]) {
      const told = fold(bodies.filter((it) => it.personId === personId))
      const held = hashes(played.data, (key) => key.includes(personId) && isTold(key))
      for (const [key, hash] of held) expect([key, told.get(key)]).toEqual([key, hash])
      expect(held.size).toBeGreaterThan(5)
      // Beside these only the blind index of the external id, whose key names nobody.
      const others = [...told.keys()].filter((key) => !held.has(key))
      expect(others.map((key) => key.slice(PREFIX.length, PREFIX.length + 2))).toEqual(['u/'])
    }
  })

  test('chain the documents of a person, each to the one it replaces', async () => {
    const bodies = await bodiesOf(played.data)
    for (const personId of [played.anna, played.ben]) {
      let before: string | null = null
      for (const { body } of bodies.filter((it) => it.personId === personId)) {
        expect(body.replaces).toBe(before)
        before = body.rows.find(([key]) => key === `p/${personId}`)?.[1] ?? null
      }
      expect(before).toBe(hashOf(row(played.data, `${PREFIX}p/${personId}`)))
    }
  })

  test('name every row at most once each', async () => {
    for (const { body } of await bodiesOf(played.data)) {
      const keys = body.rows.map(([key]) => key)
      expect(new Set(keys).size).toBe(keys.length)
      expect(body.rows.some(([key]) => key.includes('/e/'))).toBe(false)
    }
  })

  test('show a document that was set back, and any row that was changed, added or removed', async () => {
    const { data, anna } = await play()
    const told = fold(await bodiesOf(data))
    const targets = [...data.rows.keys()].filter(isTold)
    for (const key of targets) {
      const value = row(data, key)
      data.rows.set(key, Uint8Array.of(...value, 0))
      expect(hashes(data, isTold)).not.toEqual(told)
      data.rows.delete(key)
      expect(hashes(data, isTold)).not.toEqual(told)
      data.rows.set(key, value)
    }
    data.rows.set(`${PREFIX}p/${anna}/r/0000/${'0'.repeat(32)}`, new Uint8Array(1))
    expect(hashes(data, isTold)).not.toEqual(told)
  })
})

describe('after an erasure', () => {
  test('the bodies that are left still tell every row of the store', async () => {
    const { data, anna, ben } = await play()
    const acme = await openAcme(memoryStore({ share: data }))
    await acme.erasure.erase(anna, { reason: 'subject_request' })
    await acme.close()
    const bodies = await bodiesOf(data)
    expect(bodies.some(({ personId }) => personId === anna)).toBe(false)
    expect(bodies.some(({ personId }) => personId === ben)).toBe(true)
    const told = fold(bodies)
    const held = hashes(data, isTold)
    for (const [key, hash] of held) expect([key, told.get(key)]).toEqual([key, hash])
    expect([...told.keys()].filter((key) => !held.has(key))).toEqual([])
    expect([...held.keys()].filter((key) => key.includes(anna))).toEqual([`${PREFIX}p/${anna}`])
  })
})

describe('the checkpoint', () => {
  test('signs the root over every leaf, under the key that the app publishes', async () => {
    const { data } = await play()
    const acme = await openAcme(memoryStore({ share: data }))
    const leaves = [...data.rows].flatMap(([key, value]) =>
      key.startsWith(`${PREFIX}l/e/`) ? [value] : [],
    )
    const note = parseNote(await acme.ledger.checkpoint())
    const key = parseVerifierKey(acme.ledger.publicKeys.verifierKeys[0] ?? '')
    if (note === undefined || key === undefined) throw new TypeError('not in their formats')
    expect(key.name).toBe(acme.ledger.origin)
    expect(await verifyNote(note, [key])).toBe(true)
    expect(readCheckpoint(note.text)).toEqual({
      origin: acme.ledger.origin,
      size: leaves.length,
      root: treeHash(leaves),
    })
    await acme.close()
  })
})
