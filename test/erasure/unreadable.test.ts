import { expect, test } from 'vitest'
import type { ErasureHook } from 'privity'
import { type MemoryData, memoryData, memoryStore } from 'privity/memory'
import { verifyCertificate } from 'privity/verify'
import { decodeContainer, encodeContainer, SECTION } from '../../src/storage/container.ts'
import { collect, eagerClock, refusal } from '../support/acme.ts'
import { addFamily, as, type Home, openHome } from '../support/household.ts'

const REASON = { reason: 'subject_request' } as const
const ANYWAY = { ...REASON, unreadable: 'erase' } as const
const HOLD = { matter: 'claim-17', reviewAt: '2036-01-01T00:00:00.000Z' } as const
const PART = { ...REASON, scope: { records: [{ record: 'household', fields: ['rent'] }] } } as const
const REFUSED = {
  code: 'erasure_incomplete',
  details: { failing: ['privity:unreadable'] },
} as const

/** What becomes of the document of somebody, for a moment. */
const DAMAGES: Readonly<Record<string, (document: Uint8Array) => Uint8Array | undefined>> = {
  'is no document': () => new Uint8Array([1, 0]),
  'has a changed bit': (document) => {
    const sections = decodeContainer(document) ?? []
    return encodeContainer(
      sections.map((section) => {
        const bytes = section.bytes.slice()
        if (section.kind === SECTION.head) bytes[40] = (bytes[40] ?? 0) ^ 1
        return { ...section, bytes }
      }),
    )
  },
  'is away': () => undefined,
}

function keyOf({ rows }: MemoryData, id: string): string {
  return [...rows.keys()].find((key) => key.endsWith(`p/${id}`)) ?? ''
}

/** Damages a document past the library, and puts it back when it is told to. */
async function damaged(share: MemoryData, id: string, how: string): Promise<() => Promise<void>> {
  const key = keyOf(share, id)
  const document = share.rows.get(key) ?? new Uint8Array()
  const store = memoryStore({ share })
  await store.open()
  const value = DAMAGES[how]?.(document)
  const write = async (bytes: Uint8Array | undefined): Promise<void> =>
    store.commit({
      checks: [],
      put: bytes === undefined ? [] : [[key, bytes]],
      del: bytes === undefined ? [key] : [],
    })
  await write(value)
  return () => write(document)
}

/** A hook that says whom it was told to erase. */
function telling(): { readonly hook: ErasureHook; readonly told: string[] } {
  const told: string[] = []
  const hook: ErasureHook = {
    id: 'mailing',
    plan: async () => [{ id: 'list', description: 'an entry in a list', count: 1 }],
    execute: async (_, { subjectId }) => {
      told.push(subjectId)
      return 'done'
    },
    verify: async () => 'absent',
  }
  return { hook, told }
}

async function family(options: object = {}) {
  const share = memoryData()
  const home = await openHome(memoryStore({ share }), options)
  return { share, home, ...(await addFamily(home)) }
}

async function limitsOf(home: Home, certificate: string): Promise<readonly string[]> {
  const verdict = await verifyCertificate(certificate, home.ledger.publicKeys)
  return (verdict.certificate as { readonly limits?: readonly string[] } | undefined)?.limits ?? []
}

for (const how of ['is no document', 'has a changed bit'])
  test(`a hold on somebody whose document ${how} for a moment does not fall`, async () => {
    const { hook, told } = telling()
    const { share, home, ada } = await family({ hooks: [hook] })
    const { holdId } = await home.retention.hold(ada, HOLD)
    const putBack = await damaged(share, ada, how)
    expect(await refusal(home.erasure.erase(ada, REASON))).toMatchObject(REFUSED)
    expect(await refusal(home.erasure.plan(ada, REASON))).toMatchObject(REFUSED)
    expect(told).toEqual([])
    expect(await collect(home.erasure.pending())).toEqual([])
    await putBack()
    expect(await home.retention.holds(ada)).toMatchObject([{ holdId }])
    expect(await as(home).home.profile.read(ada)).toMatchObject({})
    await home.close()
  })

for (const how of Object.keys(DAMAGES)) {
  test(`nor that on what is shared with somebody whose document ${how}`, async () => {
    const { hook, told } = telling()
    const { share, home, ben, household } = await family({ hooks: [hook] })
    await home.retention.hold(ben, HOLD)
    const putBack = await damaged(share, ben, how)
    const before = [...share.rows.keys()].filter((key) => key.includes(household))
    expect(await refusal(home.erasure.erase(household, REASON))).toMatchObject(REFUSED)
    expect(await refusal(home.erasure.erase(household, PART))).toMatchObject(REFUSED)
    await putBack()
    expect(told).toEqual([])
    expect(await collect(home.erasure.pending())).toEqual([])
    expect([...share.rows.keys()].filter((key) => key.includes(household))).toEqual(before)
    expect(await as(home).home.household.read(household)).toMatchObject({ rent: 'marker-rent' })
    expect(await refusal(home.erasure.erase(household, REASON))).toMatchObject({
      details: { failing: ['privity:kept'] },
    })
    await home.close()
  })

  test(`nor while the erasure was requested, and somebody's document ${how} once its time is over`, async () => {
    const clock = eagerClock()
    const { share, home, ben, household } = await family({ clock })
    const { erasureId } = await home.erasure.request(household, { ...REASON, grace: { days: 3 } })
    await home.retention.hold(ben, HOLD)
    clock.advance({ days: 4 })
    const putBack = await damaged(share, ben, how)
    expect(await home.erasure.work()).toMatchObject({ completed: 0, incomplete: 1 })
    await putBack()
    expect(await refusal(home.erasure.resume(erasureId))).toMatchObject({
      details: { failing: ['privity:kept'] },
    })
    await home.close()
  })
}

test('nor where the group itself does not open for a moment once its time is over', async () => {
  const clock = eagerClock()
  const { share, home, ben, household } = await family({ clock })
  const { erasureId } = await home.erasure.request(household, { ...REASON, grace: { days: 3 } })
  await home.retention.hold(ben, HOLD)
  clock.advance({ days: 4 })
  const putBack = await damaged(share, household, 'has a changed bit')
  expect(await home.erasure.work()).toMatchObject({ completed: 0 })
  await putBack()
  expect(await refusal(home.erasure.resume(erasureId))).toMatchObject({
    details: { failing: ['privity:kept'] },
  })
  await home.close()
})

test('whoever does not open is erased by whoever asks for that, and the certificate says what nobody looked at', async () => {
  const { share, home, ada, ben, household } = await family()
  await damaged(share, ben, 'has a changed bit')
  const shared = await home.erasure.erase(household, ANYWAY)
  expect(await limitsOf(home, shared)).toContain('holds_of_unreadable_people')
  const alone = await home.erasure.erase(ben, ANYWAY)
  expect(await limitsOf(home, alone)).toContain('holds_of_unreadable_people')
  const plain = await home.erasure.erase(ada, REASON)
  expect(await limitsOf(home, plain)).not.toContain('holds_of_unreadable_people')
  await home.close()
})

test('a hold that can be read keeps what is shared, whatever was asked for', async () => {
  const { share, home, ada, ben, household } = await family()
  await home.retention.hold(ada, HOLD)
  await damaged(share, ben, 'has a changed bit')
  expect(await refusal(home.erasure.erase(household, ANYWAY))).toMatchObject({
    details: { failing: ['privity:kept'] },
  })
  await home.close()
})

test('one that was requested is carried out once somebody asks for it anyway', async () => {
  const clock = eagerClock()
  const { share, home, ada } = await family({ clock })
  await home.erasure.request(ada, { ...REASON, grace: { days: 3 } })
  await damaged(share, ada, 'has a changed bit')
  clock.advance({ days: 4 })
  expect(await home.erasure.work()).toMatchObject({ completed: 0, incomplete: 1 })
  expect(await home.erasure.erase(ada, ANYWAY)).toBeTypeOf('string')
  await home.close()
})
