import * as z from 'zod'
import {
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  type KeyProvider,
  localKeys,
  type Policy,
  type Privity,
  type Purposes,
  type Store,
} from 'privity'
import { controller, eagerClock, SECRET } from './acme.ts'
import { storesOf } from './stores.ts'

/** What a help desk keeps: tickets, what was written on them, what was attached to that, and notes about them. */
export type DeskType = 'ticket' | 'message' | 'file' | 'note'

/** Many of a type, as far as the tests go. */
export interface DeskRecords {
  create(id: string, value: object, options?: object): Promise<{ readonly recordId: string }>
  read(id: string, recordId: string): Promise<{ readonly [field: string]: unknown }>
  update(id: string, recordId: string, value: object, options?: object): Promise<void>
  remove(id: string, recordId: string, options?: object): Promise<void>
  find(where: object): AsyncIterable<{ readonly recordId: string }>
  list(options?: object): AsyncIterable<{
    readonly recordId: string
    readonly view: { readonly [field: string]: unknown }
  }>
}

/** The desk as one process has it open. */
export interface Desk {
  readonly privity: Omit<Privity<Purposes, unknown>, 'policy' | 'accessor'>
  readonly as: (purpose?: 'support' | 'audit') => { readonly [T in DeskType]: DeskRecords }
}

/** How the policy of a desk differs. */
export interface DeskPolicy {
  /** Before anything was a part of anything. */
  readonly isOld?: boolean
  readonly retention?: object
  readonly floor?: object
}

const ACTOR = { id: 'staff:ida', roles: ['agent'] } as const

const purposes = definePurposes({
  support: { basis: 'contract', description: 'Answer your questions' },
  audit: { basis: 'contract', description: 'Look over our shoulders' },
})

/** Messages and files go with what they belong to; notes are let go. */
export function deskPolicy({
  isOld = false,
  retention,
  floor,
}: DeskPolicy = {}): Policy<never, never> {
  const owned = (record: string, field: string, onErase: string): object =>
    isOld ? {} : { ownedBy: { record, field, onErase } }
  const text = z.string()
  const id = z.string().exactOptional()
  const support = { purposes: ['support'] } as const
  const both = { purposes: ['support', 'audit'] } as const
  const many = <F extends object>(fields: F, options: object): never =>
    defineRecord(purposes, () => fields as never, { many: true, ...options } as never) as never
  let field: ((schema: z.ZodType, options: object) => unknown) | undefined
  defineRecord(purposes, (kit) => {
    field = kit.field as never
    return { any: kit.field(z.string(), support) }
  })
  const make = (schema: z.ZodType, options: object): never => field?.(schema, options) as never
  const records = {
    ticket: many(
      { title: make(text, { ...support, lookup: 'exact' }), extra: make(id, both) },
      retention === undefined ? {} : { retention },
    ),
    message: many(
      {
        ticketId: make(id, { ...support, lookup: 'exact' }),
        body: make(text, { ...both, lookup: 'exact' }),
      },
      owned('ticket', 'ticketId', 'delete'),
    ),
    file: many(
      { messageId: make(id, support), name: make(text, support) },
      { ...owned('message', 'messageId', 'delete'), ...(floor === undefined ? {} : { floor }) },
    ),
    note: many(
      {
        about: make(id, { ...support, lookup: 'exact' }),
        text: make(text, { ...both, lookup: 'exact' }),
      },
      owned('ticket', 'about', 'detach'),
    ),
  }
  const roles = { agent: { purposes: ['support', 'audit'] } }
  return definePolicy({ controller, purposes, records, roles } as never) as never
}

/** Opens the desk on a store. */
export async function openDesk(
  store: Store,
  {
    policy = deskPolicy(),
    keys = localKeys(SECRET),
    ...rest
  }: {
    readonly policy?: unknown
    readonly keys?: KeyProvider
    readonly [option: string]: unknown
  } = {},
): Promise<Desk> {
  const options = { clock: eagerClock(), ...rest, policy, keys, ...storesOf(store) }
  const privity = await createPrivity(options as never)
  return {
    privity: privity as never,
    as: (purpose = 'support') =>
      (privity as never as Privity<Purposes, never>).accessor({
        purpose,
        actor: ACTOR,
      } as never) as never,
  }
}

/** Ids of all records of a type of a person. */
export async function idsOf(desk: Desk, id: string, type: DeskType): Promise<readonly string[]> {
  const ids: string[] = []
  for await (const { recordId } of desk.as()[type].list({ subjectId: id })) ids.push(recordId)
  return ids.sort()
}
