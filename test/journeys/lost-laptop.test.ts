import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { envelopeKeys, fileKeys, type KeyProvider, type Row } from 'privity'
import { verifyCertificate } from 'privity/verify'
import { fromHex } from '../../src/base/bytes.ts'
import { decodeRing, type RingEntry, unwrapPersonKey } from '../../src/keys/key-ring.ts'
import { decodeContainer, SECTION } from '../../src/storage/container.ts'
import {
  accessorsOf,
  type Acme,
  ANNA,
  eagerClock,
  giveOnWeb,
  openAcme,
  refusal,
} from '../support/acme.ts'
import { epochKeys } from '../support/epoch-keys.ts'
import { setBack } from '../support/set-back.ts'
import { leaveEngines, type Place, type PlaceName, PLACES } from '../support/stores.ts'

const SLOW = 60_000
const CORE = 'core'
const CLASS_ROW = /\/k\/k\/([0-9a-f]{8})\/([0-9a-f]{4})$/
const PERSON_ROW = /\/p\/([0-9a-f]{32})$/

interface Kept {
  readonly keys: KeyProvider
  dispose(): void
}

const PROVIDERS: { readonly [name: string]: () => Kept } = {
  fileKeys: () => {
    const folder = mkdtempSync(join(tmpdir(), 'privity-keys-'))
    return {
      keys: fileKeys(join(folder, 'keys.json')),
      dispose: () => rmSync(folder, { recursive: true }),
    }
  },
  'a KMS': () => {
    const kms = epochKeys()
    const { currentEpoch, wrap, unwrap, rotate, destroy } = kms.provider()
    const context = { storeId: '', salt: new Uint8Array(0) }
    const keys = envelopeKeys({
      id: 'kms:laptop',
      currentEpoch,
      // As a KMS does, it authenticates what it is given; the rest of the context is in there.
      wrap: (key, call) =>
        wrap(key, { ...context, epoch: call.epoch, accessClass: JSON.stringify(call.context) }),
      unwrap: (wrapped, call) =>
        unwrap(wrapped, {
          ...context,
          epoch: call.epoch,
          accessClass: JSON.stringify(call.context),
        }),
      rotate,
      destroy,
    })
    return { keys, dispose: () => undefined }
  },
}

leaveEngines()

for (const store of Object.keys(PLACES) as readonly PlaceName[]) {
  for (const [name, open] of Object.entries(PROVIDERS)) {
    test(`a copy on a lost laptop opens nothing once its epoch is retired, with ${name} [${store}]`, {
      timeout: SLOW,
    }, async () => {
      const [place, laptop] = [await PLACES[store](), await PLACES[store]()]
      const kept = open()
      try {
        await loseLaptop({ place, laptop, keys: kept.keys })
      } finally {
        kept.dispose()
        await place.dispose()
        await laptop.dispose()
      }
    })
  }
}

interface Loss {
  readonly place: Place
  readonly laptop: Place
  readonly keys: KeyProvider
}

async function loseLaptop({ place, laptop, keys }: Loss): Promise<void> {
  const clock = eagerClock()
  const acme = await openAcme(place.store(), { keys, clock })
  const [anna, ben] = [await addPerson(acme, 'anna'), await addPerson(acme, 'ben')]
  const copy = await place.rows()
  await setBack(laptop, copy)
  // As long as the epoch lives, the copy is worth as much as the store.
  const before = await openAcme(laptop.store(), { keys, clock })
  expect(await accessorsOf(before).support.contact.read(anna)).toMatchObject({ name: 'anna' })
  await before.close()
  await setBack(laptop, copy)
  await acme.erasure.erase(ben as never, { reason: 'subject_request' })

  expect(await acme.keys.rotate()).toBe(2)
  expect(await acme.keys.rewrap()).toMatchObject({ people: 1, left: { unavailable: 0 } })
  const record = await acme.keys.retire(1)

  expect(await refusal(openAcme(laptop.store(), { keys, clock }))).toEqual({
    code: 'key_unreadable',
    details: { what: 'controller' },
  })
  const now = await place.rows()
  expect(await keksOf(copy, keys)).toEqual([])
  await expectNothingOpens(copy, await keksOf(now, keys))
  // Of whom was erased, the copy has the only keys there are: nothing of the present opens them.
  expect(ringsOf(copy).map(({ personId }) => personId)).toContain(ben)
  expect(ringsOf(now).map(({ personId }) => personId)).toEqual([anna])

  const { jwks } = acme.ledger.publicKeys
  const told = JSON.parse(JSON.stringify(jwks))
  await acme.close()
  expect(await verifyCertificate(record, { jwks: told })).toMatchObject({
    ok: true,
    certificate: {
      schemaVersion: 'privity.key-destruction/1',
      epoch: 1,
      keyProvider: keys.id,
      result: 'completed',
      method: [{ kind: 'cryptographic_erase', standard: 'NIST SP 800-88r2 §3.2' }, {}],
      verification: { references: 0, unwrap: 'key_unreadable' },
    },
  })
  const [header, payload = '', signature] = record.split('.')
  const forged = Buffer.from(payload, 'base64url').toString().replace('"epoch":1', '"epoch":2')
  const other = [header, Buffer.from(forged).toString('base64url'), signature].join('.')
  expect(await verifyCertificate(other, { jwks: told })).toMatchObject({ ok: false })
  const again = await openAcme(place.store(), { keys, clock })
  expect(await accessorsOf(again).care.contact.read(anna)).toEqual({ allergies: 'nuts' })
  expect(await again.keys.retire(1)).toBe(record)
  await again.close()
}

async function addPerson(acme: Acme, name: string): Promise<string> {
  const { id } = await acme.subjects.register({ externalId: name })
  const { support, care } = accessorsOf(acme)
  await support.contact.create(id, { ...ANNA, name, email: `${name}@example.com` })
  await giveOnWeb(acme, id, ['care'])
  await care.contact.update(id, { allergies: 'nuts' })
  return id
}

/** What a provider still makes of the wrapped class keys in a copy: as whoever holds both would try. */
async function keksOf(rows: readonly Row[], keys: KeyProvider): Promise<readonly Uint8Array[]> {
  const { storeId, salt } = storeOf(rows)
  const keks: Uint8Array[] = []
  for (const [key, wrapped] of rows) {
    const [, epoch = '', number = ''] = CLASS_ROW.exec(key) ?? []
    if (epoch === '') continue
    for (const accessClass of Number.parseInt(number, 16) === 0 ? [CORE] : CLASSES) {
      const context = { storeId, salt, epoch: Number.parseInt(epoch, 16), accessClass }
      await keys.unwrap(wrapped, context).then(
        (kek) => keks.push(kek),
        () => undefined,
      )
    }
  }
  return keks
}

/** Under which names the classes of Acme are wrapped. */
const CLASSES = [
  'contact:analytics+support',
  'contact:care!health',
  'contact:marketing+support',
  'contact:support',
  'ticket:support',
] as const

interface FoundRing {
  readonly personId: string
  readonly ring: readonly RingEntry[]
}

function ringsOf(rows: readonly Row[]): readonly FoundRing[] {
  return rows.flatMap(([key, document]) => {
    const [, personId] = PERSON_ROW.exec(key) ?? []
    const section = decodeContainer(document)?.find(({ kind }) => kind === SECTION.ring)
    const ring = section === undefined ? undefined : decodeRing(section.bytes)
    return personId === undefined || ring === undefined ? [] : [{ personId, ring }]
  })
}

async function expectNothingOpens(
  copy: readonly Row[],
  keks: readonly Uint8Array[],
): Promise<void> {
  const { storeId } = storeOf(copy)
  expect(keks.length).toBeGreaterThan(2)
  let tried = 0
  for (const { personId, ring } of ringsOf(copy)) {
    for (const entry of ring) {
      for (const kek of keks) {
        for (const epoch of [1, 2]) {
          expect(unwrapPersonKey(kek, { ...entry, epoch, storeId, personId })).toBeUndefined()
          tried += 1
        }
      }
    }
  }
  expect(tried).toBeGreaterThan(20)
}

function storeOf(rows: readonly Row[]): { readonly storeId: string; readonly salt: Uint8Array } {
  const row = rows.find(([key]) => key.endsWith('/k/store'))
  const { storeId, salt } = JSON.parse(Buffer.from(row?.[1] ?? []).toString())
  return { storeId, salt: fromHex(salt) ?? new Uint8Array(0) }
}
