import { describe, expect, test } from 'vitest'
import { memoryData, memoryStore } from 'privity/memory'
import { sealFor } from 'privity/seal'
import { accessorsOf, type Acme, ACTORS, ANNA, eagerClock, openAcme } from '../support/acme.ts'
import { drain, patternOf, streamOf } from '../support/byte-streams.ts'
import { dyingStore } from '../support/stores.ts'

const ASK = { purpose: 'support', actor: ACTORS.support } as const
const BANK = { ...ASK, recipient: 'bank' } as const
const SLOW = 60_000
/** More calls than any of these makes. */
const MOST = 60

type Work = (acme: Acme, id: string) => Promise<unknown>

/** What a process may be at when it dies; all of it can be done again. */
const WORK: { readonly [name: string]: Work } = {
  'a pseudonym is made': (acme, id) => acme.pseudonyms.of({ ...BANK, subjectId: id }),
  'pseudonyms are destroyed': async (acme, id) => {
    await acme.pseudonyms.of({ ...BANK, subjectId: id })
    await acme.pseudonyms.destroy({ recipient: 'bank', purpose: 'support' })
  },
  'the key of forms is made and changed': async (acme) => {
    await acme.forms.publicKey()
    await acme.forms.rotateKey({ grace: { hours: 0 } })
    await acme.forms.publicKey()
  },
  'an attachment is sealed': async (acme, id) => {
    const ask = { ...ASK, subjectId: id, record: 'contact', field: 'address' } as const
    const { sealed } = await acme.blobs.seal({ ...ask, operationId: 'upload' }, streamOf())
    await drain(sealed)
  },
}

/** Everything works, and agrees with the log. */
async function expectWhole(acme: Acme, id: string): Promise<void> {
  const pseudonym = await acme.pseudonyms.of({ ...BANK, subjectId: id })
  expect(await acme.pseudonyms.resolve(pseudonym, BANK)).toEqual({ id })
  const context = { record: 'contact', purpose: 'support' } as const
  const form = await sealFor(await acme.forms.publicKey(), ANNA, context)
  expect((await acme.forms.open(form, context)).fields).toEqual(ANNA)
  const ask = { ...ASK, subjectId: id, record: 'contact', field: 'address' } as const
  const { blobId, sealed } = await acme.blobs.seal(ask, streamOf(patternOf(9)))
  const opened = await acme.blobs.open({ ...ask, blobId }, streamOf(await drain(sealed)))
  expect(await drain(opened)).toEqual(patternOf(9))
  expect(await acme.ledger.verify({ deep: true })).toMatchObject({ ok: true, faults: [] })
}

async function dieAt(work: Work, nth: number, when: 'before' | 'after'): Promise<boolean> {
  const share = memoryData()
  const clock = eagerClock(Date.now())
  const first = await openAcme(memoryStore({ share }), { clock })
  const { id } = await first.subjects.register()
  await accessorsOf(first).support.contact.create(id, ANNA)
  await first.close()
  let armed = false
  const dying = dyingStore(memoryStore({ share }), { nth, when, armed: () => armed })
  const acme = await openAcme(dying.store, { clock })
  armed = true
  const outcome = await Promise.race([dying.dead, work(acme, id).then(() => 'done')])
  const later = await openAcme(memoryStore({ share }), { clock })
  await expectWhole(later, id)
  await later.close()
  return outcome === 'dead'
}

describe('a process that dies leaves nothing half done', () => {
  for (const [name, work] of Object.entries(WORK)) {
    test(`while ${name}`, { timeout: SLOW }, async () => {
      for (const when of ['before', 'after'] as const) {
        let nth = 1
        while (nth < MOST && (await dieAt(work, nth, when))) nth += 1
        expect(nth).toBeGreaterThan(3)
        expect(nth).toBeLessThan(MOST)
      }
    })
  }
})
