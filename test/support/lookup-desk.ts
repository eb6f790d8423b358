import * as z from 'zod'
import {
  type AnyField,
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  type KeyProvider,
  localKeys,
  type LookupOptions,
  type Normaliser,
  type Policy,
  type Privity,
  type RecordOptions,
  type RecordType,
  type Store,
} from 'privity'
import { controller, eagerClock, type FakeClock, SECRET } from './acme.ts'

/** How one deployment declares a field of the contact. */
export interface DeskField {
  readonly lookup?: Exclude<LookupOptions['by'], Normaliser> | LookupOptions
  readonly schema?: z.ZodType
  readonly purposes?: readonly ('support' | 'marketing')[]
}

/** One deployment: its fields, and its compound lookups. */
export interface DeskPlan {
  readonly fields: { readonly [name: string]: DeskField }
  readonly lookups?: RecordOptions['lookups']
  readonly many?: true
  readonly version?: string
}

/** The accessor of a policy whose fields only the test knows. */
export interface DeskContact {
  create(id: string, value: object): Promise<{ readonly recordId: string }>
  read(id: string): Promise<object>
  update(id: string, ...rest: readonly unknown[]): Promise<void>
  remove(id: string, recordId: string): Promise<void>
  find(where: object, options?: object): AsyncIterable<DeskFound>
}

export interface DeskFound {
  readonly subjectId: string
  readonly cursor: string
  readonly view: { readonly [name: string]: unknown }
}

export interface Desk {
  readonly privity: DeskPrivity
  readonly support: DeskContact
  readonly marketing: DeskContact
  /** Registers somebody with a contact. */
  add(value: object): Promise<string>
  /** Ids of those who are found, in order. */
  ids(where: object): Promise<readonly string[]>
}

type DeskPurposes = {
  readonly support: { readonly basis: 'contract'; readonly description: string }
  readonly marketing: { readonly basis: 'contract'; readonly description: string }
}
type DeskRecords = {
  readonly contact: RecordType<Record<string, AnyField>, Record<never, never>>
}
type DeskOptions = { readonly keys?: KeyProvider; readonly clock?: FakeClock }
type DeskPrivity = Privity<DeskPurposes, DeskRecords>

const ACTOR = { id: 'staff:ida', roles: ['all'] }

function deskPolicy({
  fields,
  lookups,
  many,
  version,
}: DeskPlan): Policy<DeskPurposes, DeskRecords> {
  const purposes: DeskPurposes = definePurposes({
    support: { basis: 'contract', description: 'Help' },
    marketing: { basis: 'contract', description: 'Offers' },
  })
  const contact = defineRecord(
    purposes,
    ({ field }) =>
      Object.fromEntries(
        Object.entries(fields).map(([name, { schema, purposes: named, ...options }]) => [
          name,
          field((schema ?? z.string().exactOptional()) as z.ZodString, {
            ...options,
            purposes: (named ?? ['support', 'marketing']) as ['support'],
          }),
        ]),
      ),
    {
      ...(many === undefined ? {} : { many }),
      ...(lookups === undefined ? {} : { lookups }),
    } as RecordOptions as Record<never, never>,
  )
  return definePolicy({
    controller,
    purposes,
    records: { contact },
    roles: { all: { purposes: ['support', 'marketing'] } },
    ...(version === undefined ? {} : { version }),
  })
}

/** Opens a deployment over a store. */
export async function openDesk(
  store: Store,
  plan: DeskPlan,
  { keys = localKeys(SECRET), clock = eagerClock() }: DeskOptions = {},
): Promise<Desk> {
  const privity: DeskPrivity = await createPrivity({ policy: deskPolicy(plan), store, keys, clock })
  const accessor = (purpose: 'support' | 'marketing'): DeskContact =>
    privity.accessor({ purpose, actor: ACTOR }).contact as unknown as DeskContact
  const support = accessor('support')
  return {
    privity,
    support,
    marketing: accessor('marketing'),
    add: async (value) => {
      const { id } = await privity.subjects.register()
      await support.create(id, value)
      return id
    },
    ids: async (where) => {
      const ids: string[] = []
      for await (const { subjectId } of support.find(where)) ids.push(subjectId)
      return ids
    },
  }
}
