import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { memoryData, memoryStore } from 'privity/memory'
import { type EvidenceTrust, type EvidenceVerdict, verifyEvidence } from 'privity/verify'
import { signNote, toVerifierKey } from '../../src/crypto/note.ts'
import { accessorsOf, ANNA, collect, onPaper, openAcme, publishNotice } from '../support/acme.ts'
import { copiedRows } from '../support/copied-rows.ts'
import { fixedKey } from '../support/fixed-key.ts'
import { join, readTar, type TarFile, writeTar } from '../support/tar-files.ts'

fc.configureGlobal({ seed: 20_261_122 })

const SLOW = 300_000
let bundle: Uint8Array
let files: readonly TarFile[]
let keys: readonly string[]
let earlier: string
/** Of the store when it had grown beyond the bundle, and of a copy of an earlier one that went on apart. */
let later: string
let apart: string
/** The same store, exported earlier and with other people disclosed. */
let others: readonly (readonly TarFile[])[]

beforeAll(async () => {
  const data = memoryData()
  const acme = await openAcme(memoryStore({ share: data }))
  const notice = await publishNotice(acme)
  const anna = await acme.subjects.register()
  const { support } = accessorsOf(acme)
  await support.contact.create(anna.id, ANNA)
  earlier = await acme.ledger.checkpoint()
  const share = copiedRows(data.rows)
  const early = join(await collect(acme.ledger.export({ subjects: [anna.id] })))
  const bob = await acme.subjects.register()
  await support.contact.create(bob.id, ANNA)
  await acme.consent.give(anna.id, onPaper(notice, ['marketing']))
  for (const { id } of [anna, bob, anna]) await support.contact.read(id)
  const all = { subjects: [anna.id, bob.id], disclose: ['controller' as const] }
  bundle = join(await collect(acme.ledger.export(all)))
  const own = join(await collect(acme.ledger.export({ subjects: [bob.id] })))
  keys = acme.ledger.publicKeys.verifierKeys
  files = readTar(bundle)
  others = [readTar(early), readTar(own)]
  await acme.subjects.register()
  later = await acme.ledger.checkpoint()
  await acme.close()
  const copy = await openAcme(memoryStore({ share }))
  for (let added = 0; added < 3; added += 1) await copy.subjects.register()
  apart = await copy.ledger.checkpoint()
  await copy.close()
})

function verify(mutated: unknown, trust: Partial<EvidenceTrust> = {}): Promise<EvidenceVerdict> {
  return verifyEvidence(mutated as Uint8Array, { verifierKeys: keys, ...trust })
}

/** Whatever is not the bundle itself, or that with empty blocks behind it, is refused. */
async function expectRefused(mutated: Uint8Array): Promise<void> {
  const end = mutated.findLastIndex((byte) => byte !== 0)
  const isFilled = mutated.length % 512 === 0 && mutated.length >= bundle.length
  if (isFilled && Buffer.compare(mutated.slice(0, end + 1), used()) === 0) return
  expect((await verify(mutated)).ok).toBe(false)
}

/** The bundle as far as there is anything in it. */
function used(): Uint8Array {
  return bundle.slice(0, bundle.findLastIndex((byte) => byte !== 0) + 1)
}

function edited(at: number, contents: (bytes: Uint8Array) => Uint8Array): Uint8Array {
  return writeTar(
    files.map((file, index) =>
      index === at % files.length ? { ...file, contents: contents(file.contents) } : file,
    ),
  )
}

describe('the bundle', () => {
  test('verifies, and writing its files again gives the same bytes', async () => {
    expect(await verify(bundle)).toMatchObject({ ok: true, evidence: { controllerEntries: 4 } })
    expect(writeTar(files)).toEqual(bundle)
    expect(files.map(({ name }) => name.replace(/[0-9a-f]{32}/, 'id'))).toMatchObject({
      length: 17,
    })
  })

  test('verifies in pieces of any size, from any source', async () => {
    async function* pieces(length: number): AsyncGenerator<Uint8Array> {
      const shared = new Uint8Array(length)
      for (let at = 0; at < bundle.length; at += length) {
        const part = bundle.subarray(at, at + length)
        shared.set(part)
        // The same memory each time, as a reader of files may do.
        yield shared.subarray(0, part.length)
      }
    }
    for (const length of [1, 511, 512, 513, 70_000])
      expect((await verify(pieces(length))).ok, `${length}`).toBe(true)
    expect((await verify([new Uint8Array(0), bundle])).ok).toBe(true)
    expect((await verify(new Blob([new Uint8Array(bundle)]).stream())).ok).toBe(true)
  })

  test('is that of the log of which an older checkpoint was kept', async () => {
    expect((await verify(bundle, { checkpoint: earlier })).ok).toBe(true)
  })
})

describe('a bundle that was changed is refused', () => {
  test('in any bit', { timeout: SLOW }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat({ max: 7 }), async (at, bit) => {
        const mutated = bundle.slice()
        const index = at % mutated.length
        mutated[index] = (mutated[index] ?? 0) ^ (1 << bit)
        await expectRefused(mutated)
      }),
      { numRuns: 16_000 },
    )
  })

  test('by any number of bytes more or less, anywhere', { timeout: SLOW }, async () => {
    const change = fc.record({
      at: fc.nat(),
      cut: fc.nat({ max: 1_100 }),
      put: fc.uint8Array({ maxLength: 600 }),
    })
    await fc.assert(
      fc.asyncProperty(change, async ({ at, cut, put }) => {
        const start = at % (bundle.length + 1)
        await expectRefused(join([bundle.slice(0, start), put, bundle.slice(start + cut)]))
      }),
      { numRuns: 5_000 },
    )
  })

  test('in its files: left out, twice, moved, exchanged, renamed', { timeout: SLOW }, async () => {
    const change = fc.record({
      kind: fc.constantFrom('drop', 'double', 'swap', 'exchange', 'rename', 'foreign'),
      a: fc.nat(),
      b: fc.nat(),
    })
    await fc.assert(
      fc.asyncProperty(change, async ({ kind, a, b }) => {
        await expectRefused(writeTar(shuffled(kind, a % files.length, b)))
      }),
      { numRuns: 7_000 },
    )
  })

  test('in the contents of a file', { timeout: SLOW }, async () => {
    const change = fc.record({
      file: fc.nat(),
      at: fc.nat(),
      cut: fc.nat({ max: 40 }),
      put: fc.uint8Array({ maxLength: 40 }),
    })
    await fc.assert(
      fc.asyncProperty(change, async ({ file, at, cut, put }) => {
        const mutated = edited(file, (bytes) => {
          const start = at % (bytes.length + 1)
          return join([bytes.slice(0, start), put, bytes.slice(start + cut)])
        })
        await expectRefused(mutated)
      }),
      { numRuns: 8_000 },
    )
  })

  test('in any field of a header, its checksum being right', { timeout: SLOW }, async () => {
    const change = fc.record({
      file: fc.nat(),
      at: fc.nat({ max: 511 }),
      byte: fc.nat({ max: 255 }),
    })
    await fc.assert(
      fc.asyncProperty(change, async ({ file, at, byte }) => {
        const mutated = writeTar(files, (header, index) => {
          if (index === file % files.length) header[at] = byte
        })
        await expectRefused(mutated)
      }),
      { numRuns: 8_000 },
    )
  })
})

function shuffled(kind: string, a: number, other: number): readonly TarFile[] {
  const b = other % files.length
  const [one, two] = [files[a], files[b]]
  const foreign = others[other % others.length] ?? []
  if (one === undefined || two === undefined) return files
  const ways: { readonly [kind: string]: () => readonly TarFile[] } = {
    drop: () => files.filter((_, index) => index !== a),
    double: () => files.toSpliced(b, 0, one),
    swap: () => files.toSpliced(a, 1, two).toSpliced(b, 1, one),
    exchange: () => files.toSpliced(a, 1, { ...one, contents: two.contents }),
    rename: () => files.toSpliced(a, 1, { ...one, name: two.name }),
    foreign: () => files.toSpliced(a, 1, foreign[other % foreign.length] ?? one),
  }
  return ways[kind]?.() ?? files
}

describe('a verifier', () => {
  test('trusts only the keys it was given', async () => {
    const { publicKey } = await fixedKey(9)
    const origin = keys[0]?.split('+')[0] ?? ''
    const foreign = toVerifierKey({ name: origin, publicKey })
    expect(await verify(bundle, { verifierKeys: [] })).toMatchObject({
      ok: false,
      reason: 'unknown_key',
    })
    expect(await verify(bundle, { verifierKeys: [foreign] })).toMatchObject({
      reason: 'unknown_key',
    })
    expect(await verify(bundle, { verifierKeys: keys.slice(0, 1) })).toMatchObject({ ok: true })
    expect(await verify(bundle, { verifierKeys: ['x'] })).toMatchObject({ reason: 'invalid_keys' })
    expect(await verify(bundle, { origin: 'other' })).toMatchObject({ reason: 'wrong_origin' })
    expect(await verify(bundle, { origin })).toMatchObject({ ok: true })
  })

  test('notices a log that was set back, or is not the one it knew', async () => {
    const reasonOf = async (checkpoint: unknown): Promise<unknown> =>
      Object(await verify(bundle, { checkpoint: checkpoint as string })).reason
    expect(await reasonOf(earlier)).toBe(undefined)
    expect(await reasonOf([earlier])).toBe(undefined)
    expect(await reasonOf(later)).toBe('rolled_back')
    expect(await reasonOf(apart)).toBe('forked')
    expect(await reasonOf([earlier, apart])).toBe('forked')
    expect(await reasonOf('no note')).toBe('malformed')
    expect(await reasonOf([earlier, 5])).toBe('malformed')
  })

  test('believes no older checkpoint that the log did not sign', async () => {
    const [origin = '', size = '', root = ''] = earlier.split('\n')
    const reasonOf = async (checkpoint: string): Promise<unknown> =>
      Object(await verify(bundle, { checkpoint })).reason
    const edits = [
      earlier.replace(`\n${size}\n`, '\n0\n'),
      earlier.replace(`\n${size}\n`, `\n${Number(size) + 900}\n`),
      earlier.replace(root, Buffer.alloc(32, 5).toString('base64')),
      await signNote(`${origin}\n${size}\n${root}\n`, origin, await fixedKey(1)),
    ]
    for (const edited of edits) expect(await reasonOf(edited)).toBe('checkpoint_not_signed')
    const foreign = `x${origin}\n${size}\n${root}\n`
    expect(await reasonOf(await signNote(foreign, `x${origin}`, await fixedKey(1)))).toBe(
      'wrong_origin',
    )
  })

  test('takes an archive that tar filled up with empty blocks, and no more of them than that', async () => {
    const filled = (length: number): Uint8Array => join([bundle, new Uint8Array(length)])
    const record = 10_240 - (bundle.length % 10_240)
    for (const length of [512, record]) expect((await verify(filled(length))).ok).toBe(true)
    expect(await verify(filled(512 * 20))).toEqual({ ok: false, reason: 'not_an_archive' })
    expect(await verify(filled(100))).toEqual({ ok: false, reason: 'truncated' })
    const spoilt = filled(record)
    spoilt[spoilt.length - 1] = 1
    expect(await verify(spoilt)).toEqual({ ok: false, reason: 'not_an_archive' })
  })

  test('names the file that is there, where another should be', async () => {
    const extra = { name: 'notes', contents: new Uint8Array(1) }
    expect(await verify(writeTar([...files, extra]))).toEqual({
      ok: false,
      reason: 'unexpected_file',
      file: 'notes',
    })
    const body = files.find(({ name }) => name.startsWith('bodies/'))
    expect(await verify(writeTar(files.filter((file) => file !== body)))).toMatchObject({
      reason: 'body_missing',
      file: body?.name,
    })
  })

  test('never throws, whatever it is given', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield bundle.slice(0, 700)
      throw new TypeError('disk on fire')
    }
    const sources = [undefined, null, 5, 'text', {}, [1, 2], ['a'], [[1]], failing(), { next: 1 }]
    for (const source of sources)
      expect(await verify(source)).toEqual({ ok: false, reason: 'unreadable' })
    for (const trust of [
      undefined,
      null,
      5,
      {},
      { verifierKeys: 5 },
      { verifierKeys: [5] },
      { verifierKeys: [{}] },
    ])
      expect((await verifyEvidence(bundle, trust as never)).ok).toBe(false)
    expect(await verify(new Uint8Array(0))).toEqual({ ok: false, reason: 'truncated' })
  })

  test('throws the reason of the signal, also while its source hangs', async () => {
    const stop = new AbortController()
    const hanging = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }) }
    const verdict = verify(hanging, { signal: stop.signal })
    stop.abort(new TypeError('enough'))
    await expect(verdict).rejects.toThrow('enough')
    await expect(verify(bundle, { signal: stop.signal })).rejects.toThrow('enough')
  })

  test('waits for who listens, and passes on what they throw', async () => {
    const order: string[] = []
    await verify(bundle, {
      onBody: async ({ index }) => {
        order.push(`from ${index}`)
        await Promise.resolve()
        order.push(`to ${index}`)
      },
    })
    expect(order.slice(0, 4)).toEqual(['from 0', 'to 0', 'from 1', 'to 1'])
    const onBody = (): never => {
      throw new TypeError('no room')
    }
    await expect(verify(bundle, { onBody })).rejects.toThrow('no room')
    await expect(verify(bundle, { onAccess: onBody })).rejects.toThrow('no room')
  })

  test('ignores what its progress report throws', async () => {
    const onProgress = (): never => {
      throw new TypeError('no')
    }
    expect((await verify(bundle, { onProgress })).ok).toBe(true)
  })

  test('reads no further than the first thing that is wrong, and lets go of the source', async () => {
    const pieces = { read: 0, closed: false }
    function* endless(): Generator<Uint8Array> {
      try {
        for (;;) {
          pieces.read += 1
          yield new Uint8Array(512).fill(65)
        }
      } finally {
        pieces.closed = true
      }
    }
    expect(await verify(endless())).toEqual({ ok: false, reason: 'not_an_archive' })
    expect(pieces).toEqual({ read: 1, closed: true })
  })
})
