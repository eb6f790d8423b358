import { createHash, createHmac } from 'node:crypto'
import type { MemoryData } from '../../src/adapters/memory.ts'
import { createClassKey, type ClassKey } from '../../src/keys/class-key.ts'
import { createControllerKey } from '../../src/keys/controller-key.ts'
import { openEnvelope } from '../../src/keys/envelope.ts'
import { decodeRing, unwrapPersonKey } from '../../src/keys/key-ring.ts'
import { localKeys } from '../../src/keys/local-keys.ts'
import { decodeContainer } from '../../src/storage/container.ts'

/**
 * Reads the ledger of a store from its rows, as an auditor with the secret would: keys through the
 * exported functions of src/keys, everything about bodies and leaves done here once more.
 */
export interface StoredBody {
  /** Key of the body row. */
  readonly key: string
  /** Person, or undefined for an entry about nobody. */
  readonly personId: string | undefined
  readonly secret: Uint8Array
  readonly json: Uint8Array
  readonly body: BodyJson
  /** Digest under the tag key of whom the entry is about. */
  tag(message: Uint8Array): Uint8Array
}

export interface BodyJson {
  readonly v: number
  readonly index: number
  readonly sequence: number
  readonly at: number
  readonly event: { readonly type: string }
  readonly replaces: string | null
  readonly rows: readonly (readonly [key: string, hash: string | null, before?: string | null])[]
}

/** The key of a tenant's rows. */
export function tenantPrefix(tenant: string): string {
  return `${createHash('sha256').update(tenant).digest('hex').slice(0, 16)}/`
}

/** Every body of the ledger that can still be opened, in the order of their leaves. */
export async function storedBodies(
  { rows }: MemoryData,
  { tenant, secret }: { readonly tenant: string; readonly secret: Uint8Array },
): Promise<readonly StoredBody[]> {
  const prefix = tenantPrefix(tenant)
  const provider = localKeys(secret)
  const store = JSON.parse(text(row(rows, `${prefix}k/store`)))
  const salt = new Uint8Array(Buffer.from(store.salt, 'hex'))
  const context = { storeId: store.storeId, salt, epoch: 1 }
  const controller = createControllerKey(
    await provider.unwrap(row(rows, `${prefix}k/c/00000001`), {
      ...context,
      accessClass: 'controller',
    }),
    store.storeId,
  )
  const kek = await provider.unwrap(row(rows, `${prefix}k/k/00000001/0000`), {
    ...context,
    accessClass: 'core',
  })
  const people = new Map<string, ClassKey>()
  function coreOf(personId: string): ClassKey {
    const known =
      people.get(personId) ?? openCore(rows, { prefix, kek, personId, storeId: store.storeId })
    people.set(personId, known)
    return known
  }
  const bodies = [...rows].flatMap(([key, sealed]): readonly StoredBody[] => {
    const [, personId, sequence] = /\/p\/([0-9a-f]{32})\/e\/([0-9a-f]{8})$/.exec(key) ?? []
    if (personId !== undefined && sequence !== undefined) {
      const core = coreOf(personId)
      const plaintext = openEnvelope(
        core,
        {
          kind: 5,
          storeId: store.storeId,
          personId,
          accessClass: 0,
          recordId: String(Number.parseInt(sequence, 16)),
          revision: 0,
        },
        sealed,
      )
      return [{ key, personId, ...split(plaintext), tag: core.tag }]
    }
    if (!/\/c\/e\/[0-9a-f]{8}$/.test(key)) return []
    return [
      { key, personId: undefined, ...split(controller.open(key, sealed)), tag: controller.leaf },
    ]
  })
  return bodies.toSorted((a, b) => a.body.index - b.body.index)
}

/** What the leaf of a body must be, byte for byte. */
export function expectedLeaf({ secret, json, body, tag }: StoredBody): string {
  const s = tag(new TextEncoder().encode(`privity/leaf/v1\0${body.sequence}`))
  const b = createHmac('sha256', secret).update('privity/body/v1\0').update(json).digest()
  const members = { b: b.toString('base64url'), s: Buffer.from(s).toString('base64url'), v: 1 }
  return JSON.stringify(members)
}

export function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64url')
}

interface CorePlace {
  readonly prefix: string
  readonly kek: Uint8Array
  readonly personId: string
  readonly storeId: string
}

function openCore(rows: MemoryData['rows'], place: CorePlace): ClassKey {
  const { prefix, kek, personId, storeId } = place
  const sections = decodeContainer(row(rows, `${prefix}p/${personId}`)) ?? []
  const ring = decodeRing(sections.find(({ kind }) => kind === 2)?.bytes ?? new Uint8Array(0)) ?? []
  const entry = ring.find(({ accessClass }) => accessClass === 0)
  const secret =
    entry === undefined ? undefined : unwrapPersonKey(kek, { ...entry, storeId, personId })
  if (entry === undefined || secret === undefined) throw new TypeError('a person has no core key')
  return createClassKey(entry.keyId, secret)
}

function split(plaintext: Uint8Array): Pick<StoredBody, 'secret' | 'json' | 'body'> {
  const json = plaintext.subarray(32)
  return { secret: plaintext.subarray(0, 32), json, body: JSON.parse(text(json)) }
}

function row(rows: MemoryData['rows'], key: string): Uint8Array {
  const value = rows.get(key)
  if (value === undefined) throw new TypeError('a row that should be there is not')
  return value
}

function text(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
}
