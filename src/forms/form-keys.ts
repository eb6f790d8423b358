import { sameBytes } from '../base/bytes.ts'
import { canonicalBytes, type JsonObject } from '../base/canonical.ts'
import { isPrivityError, PrivityError } from '../base/errors.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import { type FormKey, generateFormKey, toFormJwk } from '../crypto/form-key.ts'
import type { Change } from '../storage/participant.ts'
import type { ControllerEntry } from '../ledger/entry.ts'
import type { PeopleDeps } from '../subjects/people.ts'

/** The keys that forms are sealed to: one in use, and those before it for as long as their forms may come in. */
export interface FormKeys {
  /** The one in use, made if there is none. */
  current(): Promise<FormKey>
  /** One in use, or not long out of it. */
  find(kid: string): Promise<FormKey | undefined>
  /** Puts a new one in use; the one before goes on opening until then, in milliseconds since the epoch. */
  rotate(until: number): Promise<void>
}

interface KeptKey extends FormKey {
  /** When it is destroyed, in milliseconds since the epoch; absent for the one in use. */
  readonly until?: number
}

/** Newest first. */
type Kept = readonly KeptKey[]

/** The part of the people's dependencies that the keys need, and the time. */
export type FormKeysDeps = Pick<
  PeopleDeps,
  'store' | 'keyspace' | 'controller' | 'ledger' | 'clock'
> & { now(): number }

/** Keys, as opened from these very bytes. */
interface Opened {
  readonly stored: Uint8Array
  readonly kept: Kept
}

interface State {
  readonly deps: FormKeysDeps
  known: Opened | undefined
}

const VERSION = 1
/** No row has these bytes. */
const NONE: Opened = { stored: new Uint8Array(), kept: [] }

/** Keys in a row of the controller, which is read each time: a destroyed one counts no more. */
export function createFormKeys(deps: FormKeysDeps): FormKeys {
  const state: State = { deps, known: undefined }
  return {
    current: async () => (await live(state))[0] ?? make(state),
    find: async (kid) => (await live(state)).find(({ jwk }) => jwk.kid === kid),
    rotate: (until) => rotate(state, until),
  }
}

/** Without those whose time is over, which are destroyed by whoever notices first. */
async function live(state: State): Promise<Kept> {
  const { kept } = await read(state)
  const now = state.deps.now()
  const alive = kept.filter((key) => isAlive(key, now))
  if (alive.length < kept.length) await destroyOld(state)
  return alive
}

function isAlive({ until }: KeptKey, now: number): boolean {
  return until === undefined || now < until
}

async function read(state: State): Promise<Opened> {
  const { store, keyspace } = state.deps
  const [stored] = await store.read([keyspace.forms])
  if (stored === undefined) return NONE
  const { known } = state
  if (known !== undefined && sameBytes(known.stored, stored)) return known
  const opened = { stored: stored.slice(), kept: await decode(state.deps, stored) }
  state.known = opened
  return opened
}

async function make(state: State): Promise<FormKey> {
  const made = await generateFormKey()
  await submit(state, (stored) =>
    // Another one was faster: its key is the key.
    stored === undefined
      ? { kept: [made], event: { type: 'forms.key_made', kid: made.jwk.kid } }
      : undefined,
  )
  const [key] = (await read(state)).kept
  if (key === undefined) throw new PrivityError('write_conflict', { attempts: 1 })
  return key
}

async function rotate(state: State, until: number): Promise<void> {
  const { jwk: before } = (await live(state))[0] ?? (await make(state))
  const made = await generateFormKey()
  const [seen, now] = [await read(state), state.deps.now()]
  await submit(state, (stored) => {
    if (stored === undefined || !sameBytes(stored, seen.stored))
      throw new PrivityError('write_conflict', { attempts: 1 })
    const [current, ...older] = seen.kept
    const retired = current === undefined ? [] : [{ ...current, until }]
    const event = { type: 'forms.key_rotated', from: before.kid, to: made.jwk.kid, until }
    return { kept: [made, ...retired, ...older.filter((key) => isAlive(key, now))], event }
  })
}

/** What cannot be destroyed now is by whoever comes next; it opens nothing in the meantime. */
async function destroyOld(state: State): Promise<void> {
  const [seen, now] = [await read(state), state.deps.now()]
  const alive = seen.kept.filter((key) => isAlive(key, now))
  const kids = seen.kept.filter((key) => !isAlive(key, now)).map(({ jwk }) => jwk.kid)
  try {
    await submit(state, (stored) =>
      stored === undefined || !sameBytes(stored, seen.stored)
        ? undefined
        : { kept: alive, event: { type: 'forms.keys_destroyed', kids } },
    )
  } catch (error) {
    if (!isPrivityError(error)) throw error
  }
}

interface Next {
  readonly kept: Kept
  readonly event: JsonObject
}

async function submit(
  { deps }: State,
  next: (stored: Uint8Array | undefined) => Next | undefined,
): Promise<void> {
  const { keyspace, ledger, clock } = deps
  await ledger.submit<null>({
    reads: [keyspace.forms],
    build: (rows) => {
      const change = next(rows.get(keyspace.forms))
      if (change === undefined) return { kind: 'done', value: null }
      const { kept, event } = change
      const entry: ControllerEntry = { kind: 'controller', at: clock.now(), event }
      const put = [[keyspace.forms, encode(deps, kept)]] as const
      return {
        kind: 'change',
        change: { put, del: [], entry } satisfies Change<ControllerEntry>,
        value: null,
      }
    },
  })
}

function encode({ controller, keyspace }: FormKeysDeps, kept: Kept): Uint8Array {
  const keys = kept.map(({ jwk, d, until }) => ({
    d,
    x: jwk.x,
    y: jwk.y,
    ...(until === undefined ? {} : { until }),
  }))
  return controller.seal(keyspace.forms, canonicalBytes({ v: VERSION, keys }))
}

async function decode({ controller, keyspace }: FormKeysDeps, stored: Uint8Array): Promise<Kept> {
  // Authenticated bytes of this library: parsed without a schema.
  const json = parseCanonical(controller.open(keyspace.forms, stored)) as
    | {
        readonly v: number
        readonly keys: readonly {
          readonly d: string
          readonly x: string
          readonly y: string
          readonly until?: number
        }[]
      }
    | undefined
  if (json?.v !== VERSION)
    throw new PrivityError('unsupported_format', { what: 'forms', version: json?.v ?? 0 })
  return Promise.all(
    json.keys.map(async ({ d, until, ...point }) => ({
      jwk: await toFormJwk(point),
      d,
      ...(until === undefined ? {} : { until }),
    })),
  )
}
