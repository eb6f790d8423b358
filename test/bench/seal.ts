import { createHmac, randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { decryptStringSync, encryptStringSync, generateKey, parseKeySync } from '@47ng/cloak'
import { toHex, utf8 } from '../../src/base/bytes.ts'
import { createMacKey, type MacKey } from '../../src/crypto/hash.ts'
import { type ClassKey, createClassKey } from '../../src/keys/class-key.ts'
import { openSection, type RecordPlace, sealSection } from '../../src/vault/sections.ts'
import type { Bench, Candidate } from './bench.ts'
import { type Contact, contactOf } from './people.ts'

const RECORDS = 200
/** The fields that are sealed, by access class: the other six of the record stay as they are. */
const CLASSES = [
  ['firstName', 'lastName', 'email'],
  ['phone'],
  ['street', 'birthDate'],
] as const satisfies readonly (readonly (keyof Contact)[])[]
const SEALED = CLASSES.flat()
const SEARCHED = ['email', 'phone'] as const
const LAYOUT = '0123456789abcdef'

/** A way to seal the record and index two of its fields, and to open it again. */
interface Sealer {
  readonly name: string
  seal(contact: Contact): Promise<unknown>
  open(sealed: unknown): Promise<Partial<Contact>>
}

const OURS = 'privity'

export const sealBench: Bench = {
  name: 'seal',
  title: `A contact of 12 fields: ${SEALED.length} sealed, ${SEARCHED.length} of them found by equality`,
  notes: [
    'No store. Privity seals one section per access class, bound to its place; the others seal each field.',
    'ciphersweet-js with libsodium and fast indexes; cloak seals without binding, and with an HMAC of our own',
    'as its index. A share of 0.10x says that Privity does ten in the time of one.',
  ],
  setUp: async () => {
    const sealers = [privitySealer(), await ciphersweetSealer(), cloakSealer()]
    const contacts = Array.from({ length: RECORDS }, (_, at) => contactOf(at))
    const candidates = await Promise.all(
      sealers.map(async (sealer): Promise<readonly Candidate[]> => {
        const sealed = await Promise.all(contacts.map(sealer.seal))
        await assertSame(sealer, contacts, sealed)
        return [
          candidate(sealer.name, 'seal', () => inTurn(contacts, sealer.seal)),
          candidate(sealer.name, 'open', () => inTurn(sealed, sealer.open)),
        ]
      }),
    )
    return { candidates: candidates.flat(), close: async () => undefined }
  },
}

function candidate(name: string, verb: 'seal' | 'open', run: () => Promise<void>): Candidate {
  const floor = name === OURS ? {} : { floor: `${OURS}, ${verb}` }
  return { name: `${name}, ${verb}`, ...floor, ops: RECORDS, run }
}

async function inTurn<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  for (const item of items) await work(item)
}

/** Who opens something else than what was sealed must not win. */
async function assertSame(
  { name, open }: Sealer,
  contacts: readonly Contact[],
  sealed: readonly unknown[],
): Promise<void> {
  for (const [at, contact] of contacts.entries()) {
    const opened = await open(sealed[at])
    if (SEALED.some((field) => opened[field] !== contact[field]))
      throw new TypeError(`${name} does not give back what it was given`)
  }
}

function privitySealer(): Sealer {
  const keys = CLASSES.map(() => createClassKey(random(8), random(32)))
  const lookups = SEARCHED.map(() => createMacKey(random(32)))
  const place: RecordPlace = {
    storeId: toHex(random(16)),
    personId: toHex(random(16)),
    type: 1,
    recordId: undefined,
  }
  const head = {
    revision: 7,
    sections: Object.fromEntries(CLASSES.map((_, number) => [number + 1, [7, LAYOUT] as const])),
    tokens: [],
  }
  return {
    name: OURS,
    seal: async (contact) => ({
      sections: keys.map((key, number) => sealClass({ key, number, place }, contact)),
      tokens: lookups.map((key, at) => tokenOf(key, contact[SEARCHED[at] ?? 'email'])),
    }),
    open: async (sealed) => {
      const { sections } = sealed as { readonly sections: readonly Uint8Array[] }
      const section = (accessClass: number): Uint8Array | undefined => sections[accessClass - 1]
      const record = { place, head, section }
      return Object.assign({}, ...keys.map((key, number) => openSection(record, number + 1, key)))
    },
  }
}

interface SectionOfContact {
  readonly key: ClassKey
  readonly number: number
  readonly place: RecordPlace
}

function sealClass({ key, number, place }: SectionOfContact, contact: Contact): Uint8Array {
  const fields = (CLASSES[number] ?? []).map((field) => [field, contact[field]] as const)
  const section = { place, accessClass: number + 1, revision: 7, layout: LAYOUT }
  return sealSection(key, section, Object.fromEntries(fields))
}

function tokenOf(key: MacKey, value: string): string {
  return toHex(key.mac(utf8(value.toLowerCase())))
}

async function ciphersweetSealer(): Promise<Sealer> {
  // A CommonJS module whose names a static import does not see.
  const { BlindIndex, CipherSweet, EncryptedRow, ModernCrypto, StringProvider } = createRequire(
    import.meta.url,
  )('ciphersweet-js')
  const engine = new CipherSweet(new StringProvider(toHex(random(32))), new ModernCrypto())
  const row = new EncryptedRow(engine, 'contacts')
  for (const field of SEALED) row.addTextField(field)
  for (const field of SEARCHED)
    row.addBlindIndex(field, new BlindIndex(`contacts_${field}`, [], 256, true))
  return {
    name: 'ciphersweet-js',
    seal: async (contact) => (await row.prepareRowForStorage({ ...contact }))[0],
    open: async (sealed) => row.decryptRow(sealed),
  }
}

function cloakSealer(): Sealer {
  const key = parseKeySync(generateKey())
  const indexKey = randomBytes(32)
  const index = (value: string): string =>
    createHmac('sha256', indexKey).update(value.toLowerCase()).digest('hex')
  return {
    name: '@47ng/cloak',
    seal: async (contact) => ({
      ...contact,
      ...Object.fromEntries(SEALED.map((field) => [field, encryptStringSync(contact[field], key)])),
      indexes: SEARCHED.map((field) => index(contact[field])),
    }),
    open: async (sealed) => {
      const contact = sealed as Contact
      const fields = SEALED.map((field) => [field, decryptStringSync(contact[field], key)] as const)
      return { ...contact, ...Object.fromEntries(fields) }
    },
  }
}

function random(length: number): Uint8Array {
  return new Uint8Array(randomBytes(length))
}
