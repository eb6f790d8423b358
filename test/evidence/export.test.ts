import { describe, expect, test } from 'vitest'
import { memoryData, memoryStore } from 'privity/memory'
import { type DisclosedEntry, verifyEvidence } from 'privity/verify'
import {
  type Acme,
  accessorsOf,
  ANNA,
  collect,
  openAcme,
  publishNotice,
  onPaper,
  refusal,
} from '../support/acme.ts'
import { join, readTar } from '../support/tar-files.ts'
import { journey } from '../support/stores.ts'

interface Scene {
  readonly acme: Acme
  readonly anna: string
  readonly bob: string
  readonly keys: readonly string[]
}

/** Two people with a record, a decision and two accesses each. */
async function play(acme: Acme): Promise<Scene> {
  const notice = await publishNotice(acme)
  const people = [await acme.subjects.register(), await acme.subjects.register()] as const
  const { support } = accessorsOf(acme)
  for (const { id } of people) {
    await support.contact.create(id, ANNA)
    await acme.consent.give(id, onPaper(notice, ['marketing']))
    await support.contact.read(id)
    await support.contact.read(id)
  }
  const keys = acme.ledger.publicKeys.verifierKeys
  return { acme, anna: people[0].id, bob: people[1].id, keys }
}

async function bundleOf(acme: Acme, options?: Parameters<Acme['ledger']['export']>[0]) {
  return join(await collect(acme.ledger.export(options)))
}

describe('an exported log', () => {
  journey('shows by default nothing of anybody', async (place) => {
    const { acme, anna, bob, keys } = await play(await openAcme(place.store()))
    const bundle = await bundleOf(acme)
    const text = Buffer.from(bundle).toString('latin1')
    for (const told of [anna, bob, ANNA.name, 'marketing', 'staff:ida', 'bodies'])
      expect(text.includes(told), told).toBe(false)
    expect(await verifyEvidence(bundle, { verifierKeys: keys })).toMatchObject({
      ok: true,
      evidence: { logs: [{ origin: acme.ledger.origin }], subjects: [], controllerEntries: 0 },
    })
    await acme.close()
  })

  journey(
    'shows a person all of their own entries and accesses, and nobody else',
    async (place) => {
      const { acme, anna, bob, keys } = await play(await openAcme(place.store()))
      const bundle = await bundleOf(acme, { subjects: [anna as never] })
      const entries: DisclosedEntry[] = []
      const accesses: unknown[] = []
      const verdict = await verifyEvidence(bundle, {
        verifierKeys: keys,
        onBody: (entry) => void entries.push(entry),
        onAccess: ({ access }) => void accesses.push(access['actor']),
      })
      expect(verdict).toMatchObject({
        ok: true,
        evidence: { subjects: [{ id: anna, entries: 3, accesses: 2 }], controllerEntries: 0 },
      })
      expect(entries.map(({ body }) => Object(body['event']).type)).toEqual([
        'subject.registered',
        'record.created',
        'consent.given',
      ])
      expect(entries.every(({ subjectId }) => subjectId === anna)).toBe(true)
      expect(accesses).toEqual(['staff:ida', 'staff:ida'])
      expect(Buffer.from(bundle).includes(bob)).toBe(false)
      await acme.close()
    },
  )

  journey('shows what is about no single person on demand', async (place) => {
    const { acme, keys } = await play(await openAcme(place.store()))
    const types: unknown[] = []
    const bundle = await bundleOf(acme, { disclose: ['controller'] })
    const verdict = await verifyEvidence(bundle, {
      verifierKeys: keys,
      onBody: ({ body, subjectId }) => {
        expect(subjectId).toBeUndefined()
        types.push(Object(body['event']).type)
      },
    })
    expect(verdict).toMatchObject({ ok: true, evidence: { controllerEntries: types.length } })
    expect(types).toContain('policy.registered')
    expect(types).toContain('notice.published')
    await acme.close()
  })

  journey('is still whole when people were erased', async (place) => {
    const { acme, anna, bob, keys } = await play(await openAcme(place.store()))
    await acme.erasure.erase(anna, { reason: 'request' } as never)
    expect((await refusal(collect(acme.ledger.export({ subjects: [anna as never] })))).code).toBe(
      'erased',
    )
    const bundle = await bundleOf(acme, { subjects: [bob as never], disclose: ['controller'] })
    expect(await verifyEvidence(bundle, { verifierKeys: keys })).toMatchObject({
      ok: true,
      evidence: { subjects: [{ id: bob, entries: 3 }] },
    })
    await acme.close()
  })

  test('is the same bytes for the same log and time', async () => {
    const { acme, anna } = await play(await openAcme(memoryStore()))
    const options = { subjects: [anna as never], disclose: ['controller' as const] }
    expect(await bundleOf(acme, options)).toEqual(await bundleOf(acme, options))
    await acme.close()
  })

  test('leaves out what is added meanwhile', async () => {
    const { acme, anna, keys } = await play(await openAcme(memoryStore()))
    const before = await acme.ledger.checkpoint()
    const pieces: Uint8Array[] = []
    for await (const piece of acme.ledger.export({ subjects: [anna as never] })) {
      pieces.push(piece)
      await acme.subjects.register()
    }
    const size = BigInt(before.split('\n')[1] ?? '')
    expect(await verifyEvidence(pieces, { verifierKeys: keys, checkpoint: before })).toMatchObject({
      ok: true,
      evidence: { logs: [{ size }] },
    })
    await acme.close()
  })

  test('has the accesses that were not written yet', async () => {
    const { acme, anna, keys } = await play(await openAcme(memoryStore(), { audit: 'deferred' }))
    const bundle = await bundleOf(acme, { subjects: [anna as never] })
    expect(await verifyEvidence(bundle, { verifierKeys: keys })).toMatchObject({
      ok: true,
      evidence: { subjects: [{ accesses: 2 }] },
    })
    await acme.close()
  })

  test('verifies for several logs that share the people', async () => {
    const { acme, anna, bob, keys } = await play(await openAcme(memoryStore(), { shards: 3 }))
    const options = { subjects: [bob as never, anna as never], disclose: ['controller' as const] }
    const bundle = await bundleOf(acme, options)
    expect(await verifyEvidence(bundle, { verifierKeys: keys })).toMatchObject({
      ok: true,
      evidence: {
        logs: { length: 4 },
        subjects: [
          { id: bob, entries: 3, accesses: 2 },
          { id: anna, entries: 3, accesses: 2 },
        ],
      },
    })
    await acme.close()
  })

  test('is never finished when a row was changed', async () => {
    const data = memoryData()
    const { acme, anna, keys } = await play(await openAcme(memoryStore({ share: data })))
    const options = { subjects: [anna as never], disclose: ['controller' as const] }
    const own = [...data.rows.keys()].filter((key) =>
      /^[0-9a-f]{16}\/(l\/e\/|l\/head|p\/[0-9a-f]{32}\/e\/|c\/e\/|w\/0000\/)/.test(key),
    )
    expect(own.length).toBeGreaterThan(20)
    let refused = 0
    for (const key of own) {
      const row = data.rows.get(key) ?? new Uint8Array(0)
      data.rows.set(
        key,
        row.map((byte, at) => (at === row.length - 3 ? byte ^ 1 : byte)),
      )
      const verdict = await bundleOf(acme, options).then(
        (bundle) => verifyEvidence(bundle, { verifierKeys: keys }),
        ({ code }) => code as string,
      )
      // Rows of other people are not looked at; what is written always verifies.
      if (typeof verdict === 'string') refused += 1
      else expect(verdict.ok).toBe(true)
      if (typeof verdict === 'string')
        expect(['ledger_inconsistent', 'decryption_failed']).toContain(verdict)
      data.rows.set(key, row)
    }
    expect(refused).toBeGreaterThan(15)
    await acme.close()
  })

  test('stops with the reason of its signal', async () => {
    const { acme } = await play(await openAcme(memoryStore()))
    const stop = new AbortController()
    const pieces = acme.ledger.export({ signal: stop.signal })
    stop.abort(new TypeError('enough'))
    await expect(collect(pieces)).rejects.toThrow('enough')
    await acme.close()
  })

  test('tells how far it is, whatever the app does with that', async () => {
    const { acme } = await play(await openAcme(memoryStore()))
    const told: bigint[] = []
    const onProgress = (done: bigint, of: bigint): void => {
      told.push(done, of)
      throw new TypeError('not now')
    }
    await collect(acme.ledger.export({ onProgress }))
    expect(told).toEqual([told[1], told[1]])
    await acme.close()
  })

  test.for([
    null,
    5,
    { subjects: 'anna' },
    { subjects: [5] },
    { disclose: ['everything'] },
    { signal: {} },
    { onProgress: 1 },
    { other: 1 },
  ])('refuses the options %j', async (options) => {
    const acme = await openAcme(memoryStore())
    const { code } = await refusal(collect(acme.ledger.export(options as never)))
    expect(code).toBe('invalid_input')
    await acme.close()
  })

  test('refuses people who are named twice, or unknown', async () => {
    const { acme, anna } = await play(await openAcme(memoryStore()))
    const codeOf = async (subjects: readonly string[]): Promise<string> =>
      (await refusal(collect(acme.ledger.export({ subjects: subjects as never })))).code
    expect(await codeOf([anna, anna])).toBe('invalid_input')
    expect(await codeOf(['0'.repeat(32)])).toBe('not_found')
    await acme.close()
  })

  test('names its files as c2sp.org/tlog-tiles does', async () => {
    const { acme } = await play(await openAcme(memoryStore()))
    const names = readTar(await bundleOf(acme)).map(({ name }) => name)
    const width = (await acme.ledger.checkpoint()).split('\n')[1]
    expect(names).toEqual([
      'manifest',
      'checkpoint',
      `tile/0/000.p/${width}`,
      `tile/entries/000.p/${width}`,
    ])
    await acme.close()
  })
})
