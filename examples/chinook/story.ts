import type { Actor, SubjectId } from 'privity'
import type { Customer, ShopData } from './data.ts'
import { toActor } from './desk.ts'
import { type Shop, subjectOf } from './shop.ts'

/** What every chapter works with. */
export interface Story {
  readonly shop: Shop
  readonly data: ShopData
  readonly tally: Tally
}

/** What has happened so far. */
export interface Tally {
  consents: number
  reads: number
  refusals: number
}

/** A customer as in the shop's own tables, and as known to Privity. */
export interface Someone extends Customer {
  readonly subjectId: SubjectId
}

/** Machines act under a name and a role as people do. */
export const WEBSHOP: Actor = { id: 'job:webshop', roles: ['webshop'] }

/** The customer of a shop's own id. */
export async function someone({ shop, data }: Story, id: string): Promise<Someone> {
  const customer = data.customers.find((candidate) => candidate.id === id)
  if (customer === undefined) throw new RangeError('no such customer')
  return { ...customer, subjectId: await subjectOf(shop, id) }
}

/** An employee by name, as an actor. */
export function staff({ data }: Story, name: string): Actor {
  const employee = data.staff.find((candidate) => candidate.name === name)
  if (employee === undefined) throw new RangeError('no such employee')
  return toActor(employee)
}

/** The name of a customer. */
export function nameOf({ contact }: Customer): string {
  return `${contact.firstName} ${contact.lastName}`
}
