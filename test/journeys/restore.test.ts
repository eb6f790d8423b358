import { expect, test } from 'vitest'
import { type Anchor, definePolicy, httpAnchor, memoryAnchor, type Row } from 'privity'
import { memoryStore } from 'privity/memory'
import { verifyCheckpoint, verifyReceipt } from 'privity/verify'
import { parseVerifierKey } from '../../src/crypto/note.ts'
import {
  accessorsOf,
  type Acme,
  type AcmeOptions,
  ANNA,
  controller,
  eagerClock,
  giveOnWeb,
  openAcme,
  policy,
  refusal,
} from '../support/acme.ts'
import { acceptCopy, publishAgain } from '../support/contradicted.ts'
import { setBack } from '../support/set-back.ts'
import { journey, keyStoreOf, type Place, STORES } from '../support/stores.ts'
import { startWitness } from '../support/witness.ts'

const MARKETING = { purposes: ['marketing'] } as const

const { purposes, records, roles } = policy
const NEXT = definePolicy({
  controller: { ...controller, name: 'Acme 2' },
  purposes,
  records,
  roles,
})

function open(place: Place, anchor: Anchor, options: AcmeOptions = {}): Promise<Acme> {
  return openAcme(place.store(), { anchor, clock: eagerClock(), ...options })
}

/** What happens after the copy, and what the copy then no longer knows. */
interface Loss {
  readonly before?: (acme: Acme, id: string) => Promise<unknown>
  readonly after: (acme: Acme, id: string) => Promise<unknown>
  /** In the copy that goes on. */
  readonly expect: (acme: Acme, id: string, place: Place) => Promise<unknown>
}

const erase = (acme: Acme, id: string): Promise<string> =>
  acme.erasure.erase(id as never, { reason: 'subject_request' })

const LOSSES: Readonly<Record<string, Loss>> = {
  'before a change of the keys': {
    after: (acme) => acme.ledger.rotateKeys(),
    expect: async (acme) => expect(acme.ledger.publicKeys.jwks.keys).toHaveLength(1),
  },
  'after a change of the keys': {
    before: (acme) => acme.ledger.rotateKeys(),
    after: publishAgain,
    expect: async (acme) => expect(acme.ledger.publicKeys.jwks.keys).toHaveLength(2),
  },
  'before an erasure': {
    after: erase,
    expect: async (acme, id, place) => {
      if (keyStoreOf(place.store()) !== undefined) {
        // The copy came without the keys, which are gone.
        const { code } = await refusal(acme.consent.status(id as never, 'marketing'))
        expect(code).toBe('erased')
      } else
        expect(await acme.consent.status(id as never, 'marketing')).toMatchObject({ permits: true })
      // Noticed, so that the erasure can be done again.
      await erase(acme, id)
    },
  },
  'after an erasure': {
    before: erase,
    after: publishAgain,
    expect: async (acme, id) =>
      expect(await refusal(acme.consent.status(id as never, 'marketing'))).toMatchObject({
        code: 'erased',
      }),
  },
}

for (const [name, loss] of Object.entries(LOSSES)) {
  journey(`a copy of ${name} is noticed, and can be gone on with`, async (place) => {
    const anchor = memoryAnchor()
    const acme = await open(place, anchor)
    const { id } = await acme.subjects.register()
    await giveOnWeb(acme, id, ['marketing'])
    await loss.before?.(acme, id)
    const copy = await place.rows()
    await loss.after(acme, id)
    await acme.close()
    await setBack(place, copy)
    const closed = await open(place, anchor)
    expect(closed.ledger.contradiction).toMatchObject({ kind: 'anchor_ahead' })
    await closed.close()
    await acceptCopy(place, anchor)
    const again = await open(place, anchor)
    expect(again.ledger.contradiction).toBeUndefined()
    await loss.expect(again, id, place)
    await publishAgain(again)
    expect(await again.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
    await again.close()
  })
}

journey('a copy of before a change of the policy is noticed, whichever opens it', async (place) => {
  const anchor = memoryAnchor()
  await (await open(place, anchor)).close()
  const copy = await place.rows()
  await (await open(place, anchor, { policy: NEXT })).close()
  await setBack(place, copy)
  for (const declared of [policy, NEXT]) {
    const closed = await open(place, anchor, { policy: declared })
    expect(closed.ledger.contradiction).toMatchObject({ kind: 'anchor_ahead' })
    await closed.close()
  }
  expect(await place.rows()).toEqual(copy)
  await acceptCopy(place, anchor)
  const acme = await open(place, anchor, { policy: NEXT })
  const { id } = await acme.subjects.register()
  await accessorsOf(acme).support.contact.create(id, ANNA)
  expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true })
  await acme.close()
})

journey('each acceptance has an origin of its own, over several logs too', async (place) => {
  const anchor = memoryAnchor()
  const acme = await open(place, anchor, { shards: 2 })
  const { id } = await acme.subjects.register()
  const { origin } = acme.ledger
  const notes = [await acme.ledger.checkpoint()]
  for (let generation = 1; generation <= 3; generation += 1) {
    const copy = await place.rows()
    const last = generation === 1 ? acme : await open(place, anchor)
    await publishAgain(last)
    await last.close()
    await setBack(place, copy)
    await acceptCopy(place, anchor)
    const again = await open(place, anchor)
    expect(again.ledger.origin).toBe(`${origin}/restored/${generation}`)
    await giveOnWeb(again, id, ['marketing'])
    const { receipt } = await again.consent.withdraw(id, MARKETING)
    expect(await verifyReceipt(receipt, again.ledger.publicKeys)).toMatchObject({ ok: true })
    notes.push(await again.ledger.checkpoint())
    expect(await again.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
    await again.close()
  }
  const last = await open(place, anchor)
  const keys = last.ledger.publicKeys.verifierKeys
  for (const [generation, note] of notes.entries()) {
    const name = generation === 0 ? origin : `${origin}/restored/${generation}`
    expect(await verifyCheckpoint(note, { origin: name, keys })).toMatchObject({ ok: true })
  }
  await last.close()
})

journey('a copy of before an acceptance is accepted under an origin that is new', async (place) => {
  const anchor = memoryAnchor()
  const acme = await open(place, anchor)
  const { id } = await acme.subjects.register()
  const { origin } = acme.ledger
  const copy = await place.rows()
  await giveOnWeb(acme, id, ['marketing'])
  await acme.close()
  for (let generation = 1; generation <= 3; generation += 1) {
    await setBack(place, copy)
    const closed = await open(place, anchor)
    expect(closed.ledger.contradiction).toMatchObject({ kind: 'anchor_ahead', origin })
    await closed.close()
    await acceptCopy(place, anchor)
    const again = await open(place, anchor)
    // Two logs of one name would contradict each other.
    expect(again.ledger.origin).toBe(`${origin}/restored/${generation}`)
    await publishAgain(again)
    expect(await again.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
    await again.close()
  }
})

journey('of several who accept the same contradiction, one does', async (place) => {
  const anchor = memoryAnchor()
  const acme = await open(place, anchor)
  const copy = await place.rows()
  await publishAgain(acme)
  await acme.close()
  await setBack(place, copy)
  const closed = await Promise.all([open(place, anchor), open(place, anchor), open(place, anchor)])
  const [first, second, third] = closed
  const lost = first?.ledger.contradiction?.anchored ?? ''
  const at = await Promise.allSettled([first?.ledger.accept(lost), second?.ledger.accept(lost)])
  const refused = at.flatMap((it) => (it.status === 'rejected' ? [it.reason.code] : []))
  expect(refused.filter((code) => code !== 'write_conflict')).toEqual([])
  expect(refused.length).toBeLessThan(2)
  const again = await open(place, anchor)
  await publishAgain(again)
  const rows = await place.rows()
  // Long accepted: who was asleep changes nothing any more.
  await third?.ledger.accept(lost)
  expect(await place.rows()).toEqual(rows)
  await publishAgain(again)
  expect(again.ledger.origin).toMatch(/\/restored\/1$/)
  for (const one of closed) await one.close()
  await again.close()
})

test('what was written to a copy since it was seen is not accepted unseen', async () => {
  const place = STORES.memory()
  const anchor = memoryAnchor()
  const acme = await open(place, anchor)
  const copy = await place.rows()
  await publishAgain(acme)
  await publishAgain(acme)
  await publishAgain(acme)
  await acme.close()
  await setBack(place, copy)
  const closed = await open(place, anchor)
  const unanchored = await openAcme(place.store())
  await publishAgain(unanchored)
  await unanchored.close()
  const lost = closed.ledger.contradiction?.anchored ?? ''
  expect(await refusal(closed.ledger.accept(lost))).toMatchObject({ code: 'write_conflict' })
  await closed.close()
  await acceptCopy(place, anchor)
  const again = await open(place, anchor)
  expect(await again.ledger.verify({ deep: true })).toMatchObject({ ok: true })
  await again.close()
})

/** An anchor whose memory a test may change. */
function forgetful(): { readonly anchor: Anchor; remember(note: string | undefined): void } {
  let remembered: string | undefined
  return {
    anchor: {
      read: async () => remembered,
      advance: async (from, to) => {
        if (from !== remembered) return false
        remembered = to
        return true
      },
    },
    remember: (note) => {
      remembered = note
    },
  }
}

test('an anchor that was lost starts anew, and one that is found again is behind, not against', async () => {
  const place = STORES.memory()
  const { anchor, remember } = forgetful()
  const acme = await open(place, anchor)
  await publishAgain(acme)
  const found = await anchor.read()
  remember(undefined)
  const { id } = await acme.subjects.register()
  const { receipt } = await giveOnWeb(acme, id, ['marketing'])
  const { record } = await verifyReceipt(receipt, acme.ledger.publicKeys)
  expect(record?.['rollbackProtection']).toBe('anchored')
  remember(found)
  await publishAgain(acme)
  expect(acme.ledger.contradiction).toBeUndefined()
  expect((await acme.ledger.checkpoint()).startsWith((await anchor.read()) ?? '-')).toBe(true)
  await acme.close()
  remember(found)
  const again = await open(place, anchor)
  expect(again.ledger.contradiction).toBeUndefined()
  expect((await again.ledger.checkpoint()).startsWith((await anchor.read()) ?? '-')).toBe(true)
  await again.close()
})

test('an anchor that remembers an earlier generation than was accepted is a contradiction to accept', async () => {
  const place = STORES.memory()
  const { anchor, remember } = forgetful()
  const acme = await open(place, anchor)
  const copy = await place.rows()
  const early = await anchor.read()
  await publishAgain(acme)
  await acme.close()
  await setBack(place, copy)
  await acceptCopy(place, anchor)
  await (await open(place, anchor)).close()
  remember(early)
  const closed = await open(place, anchor)
  expect(closed.ledger.contradiction).toMatchObject({ kind: 'fork', anchored: early })
  await closed.close()
  await acceptCopy(place, anchor)
  const again = await open(place, anchor)
  expect(again.ledger.origin).toMatch(/\/restored\/2$/)
  expect(await again.ledger.verify({ deep: true })).toMatchObject({ ok: true })
  await again.close()
})

test('after an acceptance that failed, the log has the name that it had', async () => {
  const place = STORES.memory()
  const anchor = memoryAnchor()
  const acme = await open(place, anchor)
  const copy = await place.rows()
  await publishAgain(acme)
  await acme.close()
  await setBack(place, copy)
  const closed = await open(place, anchor)
  const { origin } = closed.ledger
  expect(await refusal(closed.ledger.accept('else'))).toMatchObject({ code: 'invalid_input' })
  expect(closed.ledger.origin).toBe(origin)
  expect(await place.rows()).toEqual(copy)
  await closed.close()
})

/** A log at a witness, from two processes that each remember for themselves. */
async function atWitness(place: Place): Promise<{
  readonly witness: Awaited<ReturnType<typeof startWitness>>
  readonly anchor: () => Anchor
}> {
  const maker = await openAcme(place.store())
  const { origin, publicKeys } = maker.ledger
  await maker.close()
  const key = parseVerifierKey(publicKeys.verifierKeys[0] ?? '')
  const names = [origin, ...[1, 2, 3].map((number) => `${origin}/restored/${number}`)]
  const witness = await startWitness(
    names.map((name) => ({ ...(key as NonNullable<typeof key>), name })),
  )
  return { witness, anchor: () => httpAnchor({ url: witness.url, witness: witness.vkey }) }
}

journey('a witness that another process has moved on is caught up with', async (place) => {
  const { witness, anchor } = await atWitness(place)
  const first = await open(place, anchor())
  const second = await open(place, anchor())
  const { id } = await first.subjects.register()
  for (const acme of [second, first, second, second, first]) {
    const { receipt } = await giveOnWeb(acme, id, ['marketing'])
    const { record } = await verifyReceipt(receipt, acme.ledger.publicKeys)
    expect(record?.['rollbackProtection']).toBe('anchored')
  }
  const instances = Array.from({ length: 8 }, (_, at) => (at % 2 === 0 ? first : second))
  await Promise.all(instances.map((acme) => acme.subjects.register()))
  expect(first.ledger.contradiction ?? second.ledger.contradiction).toBeUndefined()
  const latest = witness.latest.get(first.ledger.origin)
  expect(latest?.size).toBe((await first.ledger.verify()).size)
  await first.close()
  await second.close()
  await witness.close()
})

journey('a witness notices a copy for a process that remembers nothing', async (place) => {
  const { witness, anchor } = await atWitness(place)
  for (let generation = 1; generation <= 3; generation += 1) {
    const acme = await open(place, anchor())
    const copy: readonly Row[] = await place.rows()
    await publishAgain(acme)
    await acme.close()
    await setBack(place, copy)
    const closed = await open(place, anchor())
    expect(closed.ledger.contradiction).toMatchObject({ kind: 'anchor_ahead', anchored: '' })
    await closed.close()
    await acceptCopy(place, anchor())
    const again = await open(place, anchor())
    expect(again.ledger.contradiction).toBeUndefined()
    expect(again.ledger.origin.endsWith(`/restored/${generation}`)).toBe(true)
    await again.close()
  }
  await witness.close()
})

test('a witness that is away stops nobody who works, and nobody who opens is let in unseen', async () => {
  const place = STORES.memory()
  const { witness, anchor } = await atWitness(place)
  const acme = await open(place, anchor())
  await witness.close()
  const { id } = await acme.subjects.register()
  const { receipt } = await giveOnWeb(acme, id, ['marketing'])
  const { record } = await verifyReceipt(receipt, acme.ledger.publicKeys)
  expect(record?.['rollbackProtection']).toBe('none')
  expect(await refusal(open(place, anchor()))).toEqual({
    code: 'store_unavailable',
    details: { reason: 'unreachable', store: 'anchor' },
  })
  await acme.close()
})

test('the anchor of a store that is gone is not overwritten by a new one', async () => {
  const place = STORES.memory()
  const anchor = memoryAnchor()
  await (await open(place, anchor)).close()
  const note = await anchor.read()
  expect(await refusal(openAcme(memoryStore(), { anchor }))).toMatchObject({
    code: 'ledger_inconsistent',
  })
  expect(await anchor.read()).toBe(note)
})
