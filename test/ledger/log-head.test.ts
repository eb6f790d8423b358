import { parseCanonical } from '../../src/base/parse-canonical.ts'
import { beforeAll, describe, expect, test } from 'vitest'
import { memoryData, memoryStore } from '../../src/adapters/memory.ts'
import { fromUtf8, toBase64url, utf8 } from '../../src/base/bytes.ts'
import { canonicalBytes, type JsonObject } from '../../src/base/canonical.ts'
import { createLog } from '../../src/ledger/log.ts'
import { type HeadTrust, verifyHead } from '../../src/ledger/log-head.ts'
import { createKeyspace } from '../../src/storage/keyspace.ts'
import { accessorsOf, ANNA, openAcme, refusal } from '../support/acme.ts'
import { fixedMac, fixedSigners } from '../support/fixed-log.ts'

const ORIGIN = 'privity/00112233445566778899aabbccddeeff'
const { log: KEYS } = createKeyspace('0123456789abcdef')

type Fields = { readonly [name: string]: JsonObject[string] }

/** Heads of one log at the sizes 3 and 7. */
let older: Fields
let newer: Fields
let stranger: Fields

beforeAll(async () => {
  const heads = await Promise.all(
    [1, 1, 2].map(async (seed, index) => {
      const signers = await fixedSigners(seed)
      const log = createLog({ origin: ORIGIN, keys: KEYS, signers, mac: fixedMac })
      const leaves = Array.from({ length: index === 0 ? 3 : 7 }, (_, leaf) => utf8(`leaf ${leaf}`))
      const appended = await log.append(await log.head(undefined), { leaves, at: 5, state: {} })
      return fieldsOf(appended.put.find(([key]) => key === KEYS.head)?.[1])
    }),
  )
  older = heads[0] ?? {}
  newer = heads[1] ?? {}
  stranger = heads[2] ?? {}
})

function fieldsOf(bytes: Uint8Array | undefined): Fields {
  return parseCanonical(bytes ?? utf8('{}')) as Fields
}

async function verdict(bytes: Uint8Array): Promise<string> {
  const { code, details } = await refusal(verifyHead(bytes, await trust()))
  expect(code).toBe('ledger_inconsistent')
  expect(details).toMatchObject({ origin: ORIGIN })
  return String((details as { readonly kind?: string }).kind)
}

async function trust(): Promise<HeadTrust> {
  const { publicKeys } = await fixedSigners(1)
  return { origin: ORIGIN, publicKeys, mac: fixedMac }
}

function hash(byte: number): string {
  return toBase64url(new Uint8Array(32).fill(byte))
}

function edgeOf({ edge }: Fields): readonly string[] {
  return edge as readonly string[]
}

describe('a head row', () => {
  test('is accepted as it was written', async () => {
    const head = await verifyHead(canonicalBytes(newer), await trust())
    expect(head).toMatchObject({ range: { size: 7 }, at: 5, state: {} })
  })

  const changes: readonly (readonly [string, string, () => Fields])[] = [
    [
      'another hash in its edge',
      'root',
      () => ({ ...newer, edge: [hash(1), ...edgeOf(newer).slice(1)] }),
    ],
    ['its edge in another order', 'root', () => ({ ...newer, edge: [...edgeOf(newer)].reverse() })],
    ['a hash less in its edge', 'head', () => ({ ...newer, edge: edgeOf(newer).slice(1) })],
    ['a hash more in its edge', 'head', () => ({ ...newer, edge: [...edgeOf(newer), hash(1)] })],
    [
      'a hash of 31 bytes',
      'head',
      () => ({ ...newer, edge: [toBase64url(new Uint8Array(31)), ...edgeOf(newer).slice(1)] }),
    ],
    ['a hash that is none', 'head', () => ({ ...newer, edge: [7, ...edgeOf(newer).slice(1)] })],
    ['another size of as many bits', 'root', () => ({ ...newer, size: 11 })],
    ['another size', 'head', () => ({ ...newer, size: 8 })],
    ['a size that is no whole number', 'head', () => ({ ...newer, size: 7.5 })],
    ['a negative size', 'head', () => ({ ...newer, size: -7 })],
    ['a size as text', 'head', () => ({ ...newer, size: '7' })],
    ['the note of an older size', 'root', () => ({ ...newer, note: older['note'] ?? '' })],
    ['an older edge and size', 'root', () => ({ ...older, note: newer['note'] ?? '' })],
    ['the note of a stranger', 'signature', () => ({ ...newer, note: stranger['note'] ?? '' })],
    ['everything of a stranger', 'signature', () => stranger],
    ['a note that is none', 'head', () => ({ ...newer, note: 'words' })],
    [
      'a note with an extension line',
      'head',
      () => ({ ...newer, note: String(newer['note']).replace('\n\n', '\nmore\n\n') }),
    ],
    ['no note', 'head', () => without('note')],
    ['no edge', 'head', () => without('edge')],
    ['no size', 'head', () => without('size')],
    ['no time', 'head', () => without('at')],
    ['no state', 'head', () => without('state')],
    ['a list for its state', 'head', () => ({ ...newer, state: [] })],
    ['another version', 'head', () => ({ ...newer, v: 2 })],
  ]
  test.for(changes)('with %s is refused', async ([, kind, change]) => {
    expect(await verdict(canonicalBytes(change()))).toBe(kind)
  })

  function without(name: string): Fields {
    const { [name]: _, ...rest } = newer
    return rest
  }

  test('in any other spelling is refused', async () => {
    const text = fromUtf8(canonicalBytes(newer)) ?? ''
    for (const other of [
      ` ${text}`,
      `${text}\n`,
      text.replace('"at":5', '"at":5.0'),
      '',
      '[]',
      'null',
    ])
      expect(await verdict(utf8(other))).toBe('head')
    expect(await verdict(Uint8Array.of(0xff))).toBe('head')
  })

  test('is refused with any one bit changed', async () => {
    const bytes = canonicalBytes(newer)
    const trusted = await trust()
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = bytes.slice()
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const { code } = await refusal(verifyHead(changed, trusted))
      expect(code).toBe('ledger_inconsistent')
    }
  })
})

describe('opening a store', () => {
  async function written(): Promise<{
    readonly rows: ReturnType<typeof memoryData>
    readonly key: string
    readonly origin: string
  }> {
    const rows = memoryData()
    const acme = await openAcme(memoryStore({ share: rows }))
    const { id } = await acme.subjects.register()
    await accessorsOf(acme).support.contact.create(id, ANNA)
    const { origin } = acme.ledger
    await acme.close()
    const key = [...rows.rows.keys()].find((it) => it.endsWith('/l/head')) ?? ''
    return { rows, key, origin }
  }

  const tampered: readonly (readonly [string, (head: Fields) => Fields])[] = [
    ['edge', (head) => ({ ...head, edge: edgeOf(head).map(() => hash(1)) })],
    ['size', (head) => ({ ...head, size: Number(head['size']) + 1 })],
    ['note', (head) => ({ ...head, note: String(head['note']).replace(/\n\d+\n/, '\n1\n') })],
    ['time', (head) => ({ ...head, at: Number.MAX_SAFE_INTEGER })],
    [
      'counters',
      (head) => ({ ...head, state: { ...(head['state'] as Fields), controllerSequence: 0 } }),
    ],
    [
      'newest policy',
      (head) => ({ ...head, state: { ...(head['state'] as Fields), policy: 'x' } }),
    ],
  ]
  test.for(tampered)('refuses a head whose %s was changed', async ([, change]) => {
    const { rows, key, origin } = await written()
    rows.rows.set(key, canonicalBytes(change(fieldsOf(rows.rows.get(key)))))
    expect(await refusal(openAcme(memoryStore({ share: rows })))).toMatchObject({
      code: 'ledger_inconsistent',
      details: { origin },
    })
  })

  test('refuses a store whose head is gone', async () => {
    const { rows, key, origin } = await written()
    rows.rows.delete(key)
    rows.order.remove(key)
    expect(await refusal(openAcme(memoryStore({ share: rows })))).toMatchObject({
      code: 'ledger_inconsistent',
      details: { origin },
    })
  })
})
