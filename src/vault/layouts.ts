import { canonicalBytes, type JsonObject } from '../base/canonical.ts'
import { PrivityError } from '../base/errors.ts'
import { parseCanonical } from '../base/parse-canonical.ts'
import type { ControllerKey } from '../keys/controller-key.ts'
import type { Catalogue } from '../policy/catalogue.ts'
import type { CompiledPolicy, Layout } from '../policy/compiled.ts'
import { consentCoverage } from '../policy/consent-coverage.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import { scanRows } from '../storage/scan-rows.ts'
import type { Key, Row, Store } from '../storage/store.ts'

/**
 * The layouts that bytes were written under, and the policies that consents were given under. Both are
 * content-addressed and never change; those of other processes are fetched when they are first met.
 */
export interface Layouts {
  /** Number of a type or class in the catalogue. */
  typeOf(record: string): number
  classOf(classKey: string): number
  /** The other way round, also for what no policy has any more; empty for numbers that were never given. */
  nameOfType(type: number): string
  nameOfClass(accessClass: number): string
  /** Number of the class that holds a field, under a layout that is known. */
  classIn(layout: string, fieldId: string): number | undefined
  /** Fields of a record type that a purpose had under a policy that is known. */
  covered(policy: string, purpose: string, record: string): ReadonlySet<string>
  isKnown(layout: string): boolean
  isKnownPolicy(policy: string): boolean
  /** Fetches what is not known yet. */
  load(wanted: {
    readonly layouts: readonly string[]
    readonly policies: readonly string[]
  }): Promise<void>
}

/** What layouts need. */
export interface LayoutsDeps {
  readonly store: Store
  readonly keyspace: Keyspace
  readonly controller: ControllerKey
  readonly catalogue: Catalogue
  readonly policy: CompiledPolicy
}

type Classes = ReadonlyMap<string, number>

const NOTHING: ReadonlySet<string> = new Set()
const PAGE = 100

/** Starts with the running policy, and with every policy that a consent may have been given under. */
export async function openLayouts(deps: LayoutsDeps): Promise<Layouts> {
  const { catalogue, policy } = deps
  const coverage = new Map<string, ReadonlyMap<string, ReadonlySet<string>>>()
  const known: Known = { layouts: runningLayouts(deps), policies: await readPolicies(deps) }
  return {
    typeOf: (record) => catalogue.records.indexOf(record),
    classOf: (classKey) => catalogue.classes.indexOf(classKey),
    nameOfType: (type) => catalogue.records[type] ?? '',
    nameOfClass: (accessClass) => catalogue.classes[accessClass] ?? '',
    classIn: (layout, fieldId) => known.layouts.get(layout)?.get(fieldId),
    covered: (hash, purpose, record) => {
      const name = `${hash}/${purpose}`
      const described = hash === policy.hash ? policy.describe : known.policies.get(hash)
      if (described === undefined) return NOTHING
      const covered =
        coverage.get(name) ?? consentCoverage(described, { purpose, now: policy.describe })
      coverage.set(name, covered)
      return covered.get(record) ?? NOTHING
    },
    isKnown: (layout) => known.layouts.has(layout),
    isKnownPolicy: (hash) => hash === policy.hash || known.policies.has(hash),
    load: (wanted) => load(deps, known, wanted),
  }
}

interface Known {
  readonly layouts: Map<string, Classes>
  readonly policies: Map<string, JsonObject>
}

async function load(
  deps: LayoutsDeps,
  known: Known,
  wanted: Parameters<Layouts['load']>[0],
): Promise<void> {
  const layouts = wanted.layouts.filter((id) => !known.layouts.has(id))
  const policies = wanted.policies.filter((hash) => !known.policies.has(hash))
  if (layouts.length + policies.length === 0) return
  const { keyspace, store } = deps
  const rows = await store.read([...layouts.map(keyspace.layout), ...policies.map(keyspace.policy)])
  layouts.forEach((id, index) => {
    known.layouts.set(id, readLayout(deps, keyspace.layout(id), rows[index]))
  })
  policies.forEach((hash, index) => {
    known.policies.set(hash, open(deps, keyspace.policy(hash), rows[layouts.length + index]))
  })
}

function runningLayouts({ catalogue, policy }: LayoutsDeps): Map<string, Classes> {
  const numbers = ({ classes }: Layout): Classes =>
    new Map(Object.entries(classes).map(([id, key]) => [id, catalogue.classes.indexOf(key)]))
  return new Map([...policy.records.values()].map(({ layout }) => [layout.id, numbers(layout)]))
}

async function readPolicies(deps: LayoutsDeps): Promise<Map<string, JsonObject>> {
  const { store, keyspace } = deps
  const prefix = keyspace.policies
  const policies = new Map<string, JsonObject>()
  for await (const [key, sealed] of scanRows(store, prefix, { page: PAGE })) {
    policies.set(key.slice(prefix.length), open(deps, key, sealed))
  }
  return policies
}

/** The row of a layout: class key and number by field id. */
export function layoutRow(
  { keyspace, controller, catalogue }: Omit<LayoutsDeps, 'policy' | 'store'>,
  layout: Layout,
): Row {
  const key = keyspace.layout(layout.id)
  const classes = Object.fromEntries(
    Object.entries(layout.classes).map(([id, name]) => [
      id,
      [name, catalogue.classes.indexOf(name)],
    ]),
  )
  return [key, controller.seal(key, canonicalBytes({ record: layout.record, classes }))]
}

function readLayout(deps: LayoutsDeps, key: Key, sealed: Uint8Array | undefined): Classes {
  const { classes } = open(deps, key, sealed) as unknown as {
    readonly classes: { readonly [fieldId: string]: readonly [string, number] }
  }
  return new Map(Object.entries(classes).map(([id, [, number]]) => [id, number]))
}

function open({ controller }: LayoutsDeps, key: Key, sealed: Uint8Array | undefined): JsonObject {
  const json = sealed === undefined ? undefined : parseCanonical(controller.open(key, sealed))
  if (json === undefined) throw new PrivityError('store_corrupt', { reason: 'missing_row' })
  return json as JsonObject
}
