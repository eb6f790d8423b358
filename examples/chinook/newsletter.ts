import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { ErasureHook } from 'privity'

/** Another system with copies of addresses: a file that the newsletter program reads. */
export interface Newsletter {
  add(email: string): void
  remove(id: string): boolean
  /** Ids of the subscriptions of an address. */
  find(email: string): readonly string[]
  has(id: string): boolean
  readonly size: number
}

/** Addresses by the newsletter's own number. */
type List = { readonly [id: string]: string }

/** The list in a file. */
export function openNewsletter(path: string): Newsletter {
  function read(): List {
    return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {}
  }
  function write(list: List): void {
    writeFileSync(path, `${JSON.stringify(list, undefined, 2)}\n`, { mode: 0o600 })
  }
  return {
    add: (email) => {
      const list = read()
      const last = Math.max(0, ...Object.keys(list).map(Number))
      write({ ...list, [last + 1]: email })
    },
    remove: (id) => {
      const { [id]: found, ...rest } = read()
      if (found !== undefined) write(rest)
      return found !== undefined
    },
    find: (email) =>
      Object.entries(read()).flatMap(([id, address]) => (address === email ? [id] : [])),
    has: (id) => Object.hasOwn(read(), id),
    get size() {
      return Object.keys(read()).length
    },
  }
}

/**
 * Takes an erased person off the list. The address is read while that is still possible, and turned
 * into the number of the subscription, which is all that is needed afterwards.
 */
export function newsletterHook(newsletter: Newsletter): ErasureHook {
  return {
    id: 'newsletter',
    needsPlaintext: true,
    partial: [{ record: 'contact', fields: ['email'] }],
    plan: async (context) => {
      const contact = await context.read('contact', ['email'])
      const ids = newsletter.find(String(contact?.['email']))
      return ids.map((id) => ({ id, description: 'subscription', count: 1 }))
    },
    execute: async ({ id }) => (newsletter.remove(id) ? 'done' : 'already_done'),
    verify: async ({ id }) => (newsletter.has(id) ? { residual: 1 } : 'absent'),
  }
}
