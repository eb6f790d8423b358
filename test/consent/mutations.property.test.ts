import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import type { JsonObject, JsonValue } from '../../src/base/canonical.ts'
import { verifyReceipt, verifyReceiptBundle } from '../../src/verify.ts'
import { ANNA_ID, BRAM_ID, type Office, openOffice } from './papers.ts'

const SEED = 20_261_122
const SLOW = 300_000
const SIZE = 37
const TYPS = { receipt: 'privity-receipt+jws', bundle: 'privity-receipts+jws' } as const
const KINDS = ['receipt', 'bundle'] as const
const URL64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

type Kind = (typeof KINDS)[number]
interface Paper {
  readonly kind: Kind
  readonly jws: string
  readonly payload: JsonObject
}

let office: Office
let stranger: Office
const papers: Paper[] = []
let refused = 0

async function paperOf(kind: Kind, jws: string): Promise<Paper> {
  const [, body = ''] = jws.split('.')
  const payload = JSON.parse(Buffer.from(body, 'base64url').toString())
  return { kind, jws, payload }
}

/** Two people with four decisions each, and a bundle of either. */
beforeAll(async () => {
  office = await openOffice()
  stranger = await openOffice()
  for (const [turn, subjectId] of [ANNA_ID, BRAM_ID].entries()) {
    const entries = await Promise.all(
      [0, 1, 2, 3].map((at) => {
        const before = at === 0 ? {} : { previousReceiptId: `${turn}-${at - 1}` }
        const place = { subjectId, index: 9 * at + turn + 2, size: SIZE, ...before }
        return office.entry({ ...place, receiptId: `${turn}-${at}` })
      }),
    )
    for (const entry of entries)
      papers.push(await paperOf('receipt', await office.receipts.sign(entry)))
    const issuedAt = '2026-11-22T00:00:00.000Z'
    const bundle = await office.receipts.bundle({ subjectId, issuedAt, entries })
    papers.push(await paperOf('bundle', bundle))
  }
})

const VERIFY = { receipt: verifyReceipt, bundle: verifyReceiptBundle } as const

/** Held against the key of the app alone, and against that of the log as well. */
async function expectRefused(kind: Kind, jws: string): Promise<void> {
  const { jwks } = office.trust
  for (const trust of [{ jwks }, office.trust]) {
    const verdict = await VERIFY[kind](jws, trust)
    if (verdict.ok || typeof verdict.reason !== 'string' || Object.keys(verdict).length !== 2) {
      expect({ verdict, jws }).toBe('refused')
    }
  }
  refused += 1
}

function run<T>(numRuns: number, change: fc.Arbitrary<T>, check: (value: T) => Promise<void>) {
  return fc.assert(fc.asyncProperty(change, check), { numRuns, seed: SEED, endOnFailure: true })
}

const paper = fc.nat({ max: 9 }).map((at) => papers[at] as Paper)
const part = fc.nat({ max: 2 })
const where = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

function changePart(jws: string, at: number, change: (text: string) => string): string {
  return jws
    .split('.')
    .map((text, here) => (here === at ? change(text) : text))
    .join('.')
}

test('are sound before they are changed', async () => {
  for (const { kind, jws } of papers) {
    expect(await VERIFY[kind](jws, office.trust)).toMatchObject({ ok: true })
  }
})

test('any other character in any part is refused', { timeout: SLOW }, async () => {
  const change = fc.record({ paper, part, where, digit: fc.constantFrom(...URL64) })
  await run(12_000, change, async ({ paper: { kind, jws }, part: at, where: share, digit }) => {
    const altered = changePart(jws, at, (text) => {
      const here = Math.floor(share * text.length)
      const other = text.charAt(here) === digit ? (digit === 'A' ? 'B' : 'A') : digit
      return text.slice(0, here) + other + text.slice(here + 1)
    })
    await expectRefused(kind, altered)
  })
})

test('characters left out, put in, doubled or foreign are refused', { timeout: SLOW }, async () => {
  const insert = fc.constantFrom('A', '=', '==', '.', ' ', '\n', '+', '/', '\0', 'é', '\u{1f600}')
  const change = fc.record({ paper, part, where, insert, drop: fc.nat({ max: 4 }) })
  await run(9_000, change, async ({ paper: { kind, jws }, part: at, where: share, ...edit }) => {
    const altered = changePart(jws, at, (text) => {
      const here = Math.floor(share * (text.length + 1))
      return edit.drop === 0
        ? text.slice(0, here) + edit.insert + text.slice(here)
        : text.slice(0, Math.min(here, text.length - 1)) +
            text.slice(Math.min(here, text.length - 1) + edit.drop)
    })
    await expectRefused(kind, altered)
  })
})

test('another spelling of the same bytes is refused', async () => {
  for (const { kind, jws } of papers) {
    for (const at of [0, 1, 2]) {
      await expectRefused(
        kind,
        changePart(jws, at, (text) => `${text}=`),
      )
      await expectRefused(kind, changePart(jws, at, spareBits))
      await expectRefused(kind, changePart(jws, at, plainBase64))
    }
    await expectRefused(kind, jws.replaceAll('.', '. '))
    await expectRefused(kind, `${jws}\n`)
    await expectRefused(kind, ` ${jws}`)
    await expectRefused(kind, `${jws}.`)
  }
})

/** Sets a bit that the last digit does not use, or adds a digit that stands for nothing. */
function spareBits(text: string): string {
  if (text.length % 4 === 0) return `${text}A`
  const last = URL64.indexOf(text.slice(-1))
  return text.slice(0, -1) + URL64.charAt(last ^ 1)
}

function plainBase64(text: string): string {
  const plain = text.replaceAll('-', '+').replaceAll('_', '/')
  return plain === text ? `${text}=` : plain
}

test('parts of two papers put together are refused', { timeout: SLOW }, async () => {
  const change = fc.record({ a: paper, b: paper, from: fc.tuple(...Array(3).fill(fc.boolean())) })
  await run(1_500, change, async ({ a, b, from }) => {
    const [first, second] = [a.jws.split('.'), b.jws.split('.')]
    const mixed = first.map((text, at) => (from[at] === true ? second[at] : text)).join('.')
    // Papers of one kind have one header: taking that changes nothing.
    if (papers.some(({ jws }) => jws === mixed)) return
    await expectRefused(a.kind, mixed)
    await expectRefused(b.kind, mixed)
  })
})

test('unsigned, signed with a public key, and other algorithms are refused', async () => {
  const algorithms = ['none', 'None', 'NONE', '', 'HS256', 'RS256', 'ES256', 'Ed448', 'eddsa', null]
  for (const { kind, jws } of papers) {
    const [, body = '', signature = ''] = jws.split('.')
    for (const alg of algorithms) {
      const header = encode({ alg, kid: office.jwk.kid, typ: TYPS[kind] })
      const mac = createHmac('sha256', office.jwk.x).update(`${header}.${body}`).digest('base64url')
      for (const end of ['', signature, mac]) await expectRefused(kind, `${header}.${body}.${end}`)
    }
  }
})

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

test('signed by another key is refused, under whatever name', { timeout: SLOW }, async () => {
  const kid = fc.constantFrom('own', 'ours', 'none')
  await run(600, fc.record({ paper, kid }), async ({ paper: { kind, payload }, kid: name }) => {
    const header = { typ: TYPS[kind], ...kidOf(name) }
    await expectRefused(kind, await stranger.sign(header, utf8(JSON.stringify(payload))))
    // A key in the header is nobody's.
    const withKey = { ...header, jwk: stranger.jwk }
    await expectRefused(kind, await stranger.sign(withKey, utf8(JSON.stringify(payload))))
  })
})

function kidOf(name: string): { readonly kid?: string } {
  if (name === 'own') return { kid: stranger.jwk.kid }
  return name === 'ours' ? { kid: office.jwk.kid } : { kid: '' }
}

test('signed as another kind of document is refused', async () => {
  const typs = ['privity-erasure+jws', 'JWT', 'jws', '', 'PRIVITY-RECEIPT+JWS', undefined]
  for (const { kind, payload } of papers) {
    for (const typ of [...typs, TYPS[kind === 'receipt' ? 'bundle' : 'receipt']]) {
      const header = typ === undefined ? {} : { typ }
      await expectRefused(kind, await office.sign(header, utf8(JSON.stringify(payload))))
    }
  }
})

test('members twice, in another order, or spaced are refused, though signed', async () => {
  for (const { kind, payload } of papers) {
    const typ = TYPS[kind]
    const text = JSON.stringify(payload)
    for (const name of Object.keys(payload)) {
      const twice = `{${JSON.stringify(name)}:${JSON.stringify(payload[name])},${text.slice(1)}`
      await expectRefused(kind, await office.sign({ typ }, utf8(twice)))
    }
    const turned = JSON.stringify(Object.fromEntries(Object.entries(payload).toReversed()))
    for (const other of [turned, ` ${text}`, `${text}\n`, `[${text}]`, `\u{feff}${text}`, '']) {
      await expectRefused(kind, await office.sign({ typ }, utf8(other)))
    }
  }
})

/** Something else than a value, of its own type or another. */
function otherThan(value: JsonValue): fc.Arbitrary<JsonValue> {
  const near: fc.Arbitrary<JsonValue> =
    typeof value === 'number'
      ? fc.oneof(
          fc.integer({ min: -3, max: 3 }).map((by) => value + by),
          fc.constantFrom(value + 0.5, -value, value + 2 ** 32, 2 ** 53, 1e300),
        )
      : typeof value === 'string'
        ? fc.oneof(nearText(value), fc.constantFrom('', value.slice(1), `${value}A`))
        : fc.constant([])
  const odd = fc.constantFrom<JsonValue>(null, true, [], {}, '0', 0, -1, 'AAAA', ['AAAA'])
  return fc
    .oneof({ weight: 3, arbitrary: near }, { weight: 1, arbitrary: odd })
    .filter((other) => JSON.stringify(other) !== JSON.stringify(value))
}

function nearText(text: string): fc.Arbitrary<string> {
  return fc.tuple(where, fc.constantFrom(...URL64, '+', '/', '=', '\n', ' ')).map(([share, by]) => {
    const here = Math.floor(share * text.length)
    return text.slice(0, here) + by + text.slice(here + 1)
  })
}

/** A receipt of which one member of its log part, or one hash of its proof, is another. */
function changedLog(payload: JsonObject): fc.Arbitrary<JsonObject> {
  const log = payload['log'] as JsonObject & { readonly proof: readonly string[] }
  const names = Object.keys(log).filter((name) => name !== 'proof' && name !== 'checkpoint')
  const member = fc
    .constantFrom(...names)
    .chain((name) => otherThan(log[name] ?? null).map((other) => ({ ...log, [name]: other })))
  const hash = fc.nat({ max: log.proof.length - 1 }).chain((at) =>
    otherThan(log.proof[at] ?? '').map((other) => ({
      ...log,
      proof: log.proof.with(at, other as string),
    })),
  )
  const list = fc
    .shuffledSubarray([...log.proof, ...log.proof], { maxLength: 12 })
    .map((proof) => ({ ...log, proof }))
  // Without the key of the log, its signature is not looked at: the three signed lines are.
  const [text = ''] = String(log['checkpoint']).split('\n\n')
  const note = nearText(text).map((other) => ({
    ...log,
    checkpoint: String(log['checkpoint']).replace(text, () => other),
  }))
  return fc
    .oneof(member, hash, list, note)
    .filter((other) => JSON.stringify(other) !== JSON.stringify(log))
    .map((other) => ({ ...payload, log: other }) as JsonObject)
}

test('another place, size, leaf, proof or checkpoint is refused, though signed', {
  timeout: SLOW,
}, async () => {
  const receipt = fc
    .nat({ max: 9 })
    .map((at) => papers[at] as Paper)
    .filter(({ kind }) => kind === 'receipt')
  const change = receipt.chain(({ payload }) => changedLog(payload))
  await run(5_000, change, async (payload) =>
    expectRefused('receipt', await office.seal(TYPS.receipt, payload)),
  )
})

/** A bundle of which the decisions are not those of one person, in order. */
function changedBundle(payload: JsonObject, other: JsonObject): fc.Arbitrary<JsonObject> {
  const receipts = payload['receipts'] as readonly JsonObject[]
  const others = other['receipts'] as readonly JsonObject[]
  const isPrefix = (list: readonly JsonObject[]): boolean =>
    list.every((one, at) => JSON.stringify(one) === JSON.stringify(receipts[at]))
  const order = fc.shuffledSubarray([...receipts, ...receipts, ...others])
  const inside = fc
    .nat({ max: receipts.length - 1 })
    .chain((at) => changedReceipt(receipts[at] ?? {}).map((one) => receipts.with(at, one)))
  return fc
    .oneof(order, inside)
    .filter((list) => list.length > 0 && !isPrefix(list))
    .map((list) => ({ ...payload, receipts: list }))
}

function changedReceipt(receipt: JsonObject): fc.Arbitrary<JsonObject> {
  const linked = fc.constantFrom('receiptId', 'previousReceiptId', 'subject').chain((name) =>
    otherThan(receipt[name] ?? null)
      .filter((other) => receipt[name] !== undefined || other !== null)
      .map((other) => ({ ...receipt, [name]: other })),
  )
  const { log, ...rest } = receipt
  const place = log as JsonObject & { readonly proof: readonly string[] }
  const moved = fc
    .constantFrom('index', 'leaf')
    .chain((name) => otherThan(place[name] ?? null).map((other) => ({ ...place, [name]: other })))
  const cut = fc.constant({ ...place, proof: place.proof.slice(1) })
  const placed = fc.oneof(moved, cut).map((other) => ({ ...rest, log: other }) as JsonObject)
  return fc.oneof(linked, placed, fc.constant(rest as JsonObject))
}

test('a bundle that is not the one story of one person is refused, though signed', {
  timeout: SLOW,
}, async () => {
  const bundles = papers.filter(({ kind }) => kind === 'bundle')
  const [a, b] = bundles as [Paper, Paper]
  // The last receipt id is named by no other: what it says is the word of the app alone.
  const isLast = ({ receipts }: JsonObject, from: Paper): boolean => {
    const [mine, theirs] = [receipts, from.payload['receipts']] as [JsonObject[], JsonObject[]]
    const last = mine.at(-1)
    const { receiptId: _, ...rest } = last ?? {}
    const { receiptId: __, ...before } = theirs.at(-1) ?? {}
    return (
      mine.length === theirs.length &&
      typeof last?.['receiptId'] === 'string' &&
      JSON.stringify(rest) === JSON.stringify(before)
    )
  }
  const change = fc
    .constantFrom([a, b] as const, [b, a] as const)
    .chain(([from, to]) =>
      changedBundle(from.payload, to.payload).filter((payload) => !isLast(payload, from)),
    )
  await run(2_500, change, async (payload) =>
    expectRefused('bundle', await office.seal(TYPS.bundle, payload)),
  )
})

test('thirty thousand changed papers were refused', () => {
  expect(refused).toBeGreaterThan(30_000)
})
