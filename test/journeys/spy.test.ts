import { expect } from 'vitest'
import * as z from 'zod'
import {
  type Actor,
  type Blobs,
  createPrivity,
  definePolicy,
  definePurposes,
  defineRecord,
  type ErasureHook,
  type Forms,
  localKeys,
  type Privity,
  type Pseudonyms,
} from 'privity'
import { sealFor } from 'privity/seal'
import { caught, collect, eagerClock, SECRET } from '../support/acme.ts'
import { journey, spyStore, type Traffic } from '../support/stores.ts'

/** Every text that no store may ever see; long and strange, so that none is there by chance. */
const M = {
  tenant: 'tenant-Quixotry',
  controller: 'controller-Quincunx',
  controllerName: 'Quondam Traders',
  contact: 'privacy@quagmire.example',
  supportPurpose: 'supportQuoin',
  marketingPurpose: 'marketingQuell',
  carePurpose: 'careQuaver',
  supportText: 'Answer whatever Quirinus asks',
  marketingText: 'Send offers to Quirinus',
  careText: 'Mind what makes Quirinus sneeze',
  contactRecord: 'contactQuarto',
  ticketRecord: 'ticketQuiver',
  nameField: 'nameQuorum',
  emailField: 'emailQuasar',
  allergiesField: 'allergiesQuinoa',
  textField: 'textQuill',
  role: 'agentQuick',
  name: 'Quentin Quackenbush',
  otherName: 'Quentina Quackenbush',
  email: 'quentin@quackenbush.example',
  otherEmail: 'quentina@quackenbush.example',
  allergies: 'quail eggs and quince',
  ticket: 'my quilt is quivering',
  externalId: 'crm-quarantine-17',
  actor: 'staff:quigley',
  task: 'task-quotation-9',
  operation: 'operation-quartz-3',
  notice: 'notice-quotable',
  noticeVersion: 'version-quarterly',
  noticeText: 'We quietly keep what you tell us.',
  noticeTextNl: 'Wij bewaren quasi alles.',
  control: 'checkbox quadrant',
  hook: 'hook-quarry',
  hookItem: 'item-quicksand',
  hookText: 'row of quentin in the list',
  reason: 'subject_quibble',
  recipient: 'recipient-quartermaster',
  binding: 'session-quotient-77',
  attachment: 'a scan of a quitclaim deed',
} as const

const PASSPHRASE = 'a quite unquestionable passphrase'

journey('a store sees no name, no value, no id of the app, in any spelling', async (place) => {
  const { store, traffic } = spyStore(place.store())
  await live(store)
  expect(traffic.keys.size).toBeGreaterThan(50)
  expect(found(traffic, [...Object.values(M), PASSPHRASE])).toEqual([])
  const files = Buffer.concat(place.files())
  expect(Object.values(M).filter((marker) => files.includes(marker))).toEqual([])
})

journey('the spy would see a marker in every spelling', async () => {
  const marker = M.email
  for (const spelling of spellings(marker)) {
    const bytes = Buffer.from(`junk ${spelling} junk`)
    expect(found({ keys: new Set(), values: [bytes] }, [marker])).toHaveLength(1)
    expect(found({ keys: new Set([`p/${spelling}`]), values: [] }, [marker])).toHaveLength(1)
  }
})

journey('a store never sees a secret, nor an unwrapped key', async (place) => {
  const { store, traffic } = spyStore(place.store())
  await live(store)
  const secret = Buffer.from(SECRET)
  expect(traffic.values.filter((value) => Buffer.from(value).includes(secret))).toEqual([])
  expect(found(traffic, [secret.toString('hex'), secret.toString('base64')])).toEqual([])
})

journey(
  'keys are made of what storage may know: families, numbers and random ids',
  async (place) => {
    const { store, traffic } = spyStore(place.store())
    await live(store)
    const id = '[0-9a-f]{32}'
    const tenant = '[0-9a-f]{16}'
    const b64 = '[A-Za-z0-9_-]+'
    const families: readonly RegExp[] = [
      new RegExp(
        `^${tenant}/p/${id}(?:/(?:r/[0-9a-f]{4}/(?:${id})?|e/(?:[0-9a-f]{8})?|h/[0-9a-f]{2}|o/${b64})?)?$`,
      ),
      new RegExp(`^${tenant}/u/[0-9a-f]{4}/[0-9a-f]+$`),
      new RegExp(`^${tenant}/t/[0-9a-f]{4}/[0-9a-f]{4}/[0-9a-f]{32}/(?:${id}/(?:-|${id}))?$`),
      new RegExp(`^${tenant}/y/[0-9a-f]{4}/(?:${id})?$`),
      new RegExp(
        `^${tenant}/(?:l|w/[0-9a-f]{4})/(?:head|e/(?:[0-9a-f]{12})?|n/(?:[0-9a-f]{2}/[0-9a-f]{12})?|s/[0-9a-f]{12})$`,
      ),
      new RegExp(`^${tenant}/a/${b64}/[0-9a-f]{4}/[0-9a-f]{12}$`),
      new RegExp(
        `^${tenant}/c/(?:catalogue|signing|forms|n|j|[a-z]/${b64}?|n/[0-9a-f]{32}|u/[0-9a-f]{4}/[0-9a-f]{32}|q/(?:w/)?|x/[0-9a-f]{4}/[0-9a-f]{8})$`,
      ),
      new RegExp(`^${tenant}/c/p/$`),
      new RegExp(
        `^${tenant}/k/(?:store|c/(?:[0-9a-f]{8})?|k/(?:[0-9a-f]{8}/[0-9a-f]{4})?|l/(?:[0-9a-f]{4}/[0-9a-f]{4})?|s/[0-9a-f]{32}|u/(?:[0-9a-f]{4})?)$`,
      ),
      new RegExp(`^${tenant}/d/[0-9a-f]{12}/${id}(?:/[0-9a-f]{4}/(?:-|${id}))?$`),
    ]
    const strange = [...traffic.keys].filter((key) => !families.some((form) => form.test(key)))
    expect(strange).toEqual([])
  },
)

type PlainStore = Parameters<typeof spyStore>[0]

/** Everything that an app does, with marked names and values. */
async function live(store: PlainStore): Promise<void> {
  const purposes = definePurposes({
    [M.supportPurpose]: { basis: 'contract', description: M.supportText },
    [M.marketingPurpose]: { basis: 'consent', description: M.marketingText },
    [M.carePurpose]: { basis: 'consent', description: M.careText, explicit: true },
  })
  const all = { purposes: [M.supportPurpose, M.marketingPurpose] } as const
  const contact = defineRecord(purposes, ({ field }) => ({
    [M.nameField]: field(z.string(), all),
    [M.emailField]: field(z.email(), { ...all, lookup: 'email' }),
    [M.allergiesField]: field(z.string().exactOptional(), {
      purposes: [M.carePurpose],
      special: 'health',
    }),
  }))
  const ticket = defineRecord(
    purposes,
    ({ field }) => ({
      [M.textField]: field(z.string(), { purposes: [M.supportPurpose], lookup: 'nfkc-lower' }),
    }),
    { many: true },
  )
  const policy = definePolicy({
    controller: {
      id: M.controller,
      name: M.controllerName,
      contact: M.contact,
      country: 'NL',
    },
    purposes,
    records: { [M.contactRecord]: contact, [M.ticketRecord]: ticket },
    roles: {
      [M.role]: { purposes: [M.supportPurpose, M.marketingPurpose, M.carePurpose] },
    },
  })
  const hook: ErasureHook = {
    id: M.hook,
    needsPlaintext: true,
    plan: async () => [{ id: M.hookItem, description: M.hookText, count: 1 }],
    execute: async (_, { read }) => {
      await read(M.contactRecord, [M.emailField])
      return 'done'
    },
    verify: async () => 'absent',
  }
  const options = {
    policy,
    store,
    keys: localKeys(SECRET),
    hooks: [hook],
    tenant: M.tenant,
    // Forms are sealed by the clock of the browser, which is this machine's.
    clock: eagerClock(Date.now()),
  }
  const privity = await createPrivity(options)
  const { id } = await privity.subjects.register({ jurisdiction: 'NL', externalId: M.externalId })
  const notice = await privity.notices.publish({
    id: M.notice,
    version: M.noticeVersion,
    texts: { en: M.noticeText, nl: M.noticeTextNl },
  })
  const actor = { id: M.actor, roles: [M.role] }
  const bound = (purpose: typeof M.supportPurpose): Bound =>
    privity.accessor({ purpose, actor, task: M.task }) as unknown as Bound
  const support = bound(M.supportPurpose)
  const marketing = bound(M.marketingPurpose as never)
  const care = bound(M.carePurpose as never)
  const contacts = support[M.contactRecord]
  const tickets = support[M.ticketRecord]
  const values = { [M.nameField]: M.name, [M.emailField]: M.email }
  await contacts.create(id, values, { operationId: M.operation })
  await caught(contacts.create(id, values))
  await caught(marketing[M.contactRecord].read(id))
  const method = { channel: 'web', control: M.control } as const
  const { servedId } = await privity.notices.serve(notice, { subjectId: id, language: 'en' })
  await privity.consent.give(id, {
    purposes: [M.marketingPurpose, M.carePurpose] as never,
    notice,
    method: { ...method, servedId },
  })
  const { servedId: early } = await privity.notices.serve(notice, { language: 'nl' })
  await privity.consent.give(id, {
    purposes: [M.marketingPurpose] as never,
    notice,
    method: { ...method, servedId: early },
  })
  await care[M.contactRecord].update(id, { [M.allergiesField]: M.allergies })
  await contacts.read(id)
  await marketing[M.contactRecord].read(id)
  await care[M.contactRecord].read(id)
  await contacts.update(id, { [M.emailField]: M.otherEmail, [M.nameField]: M.otherName })
  await collect(contacts.find({ [M.emailField]: M.email }))
  await collect(contacts.find({ [M.emailField]: M.otherEmail }))
  const made = await tickets.create(id, { [M.textField]: M.ticket })
  const { recordId } = made as { readonly recordId: string }
  await collect(tickets.find({ [M.textField]: M.ticket }))
  await collect(tickets.list())
  await tickets.remove(id, recordId)
  await tickets.create(id, { [M.textField]: M.ticket })
  await handle(privity as never, id, actor)
  await privity.subjects.find({ externalId: M.externalId })
  await privity.consent.withdraw(id, { purposes: [M.marketingPurpose] as never })
  await privity.consent.status(id, M.marketingPurpose as never)
  await collect(privity.consent.history(id))
  await privity.notices.text(notice, 'en')
  await privity.ledger.verify()
  await privity.erasure.erase(id, { reason: M.reason })
  await privity.close()
  const again = await createPrivity(options)
  await again.close()
}

/** Pseudonyms, a form and an attachment, whose names are computed too. */
async function handle(privity: Privity<never, never>, id: string, actor: Actor): Promise<void> {
  const { pseudonyms, forms, blobs } = privity as unknown as {
    readonly pseudonyms: Pseudonyms
    readonly forms: Forms<never, string>
    readonly blobs: Blobs<never, string>
  }
  const ask = { purpose: M.supportPurpose, actor, task: M.task }
  const scope = { ...ask, recipient: M.recipient }
  await pseudonyms.resolve(await pseudonyms.of({ ...scope, subjectId: id }), scope)
  await pseudonyms.destroy({ recipient: M.recipient, purpose: M.supportPurpose })
  const context = {
    record: M.contactRecord,
    purpose: M.supportPurpose,
    binding: M.binding,
  }
  const values = { [M.nameField]: M.name, [M.emailField]: M.email }
  const form = await sealFor(await forms.publicKey(), values, context)
  await forms.open(form, context as never)
  await forms.rotateKey()
  const place = { ...ask, subjectId: id, record: M.contactRecord, field: M.nameField }
  const { blobId, sealed } = await blobs.seal(place as never, new Blob([M.attachment]).stream())
  const opened = await blobs.open({ ...place, blobId } as never, sealed)
  expect(await new Response(opened).text()).toBe(M.attachment)
}

/** Accessors of a policy whose names are computed. */
type Bound = { readonly [record: string]: AnyRecord } & {
  readonly [K in typeof M.contactRecord | typeof M.ticketRecord]: AnyRecord
}

interface AnyRecord {
  create(id: string, value: object, options?: object): Promise<unknown>
  read(id: string): Promise<object>
  update(id: string, changes: object): Promise<void>
  remove(id: string, recordId: string): Promise<void>
  find(where: object): AsyncIterable<unknown>
  list(): AsyncIterable<unknown>
}

/** The markers that are in a key or value, with where. */
function found({ keys, values }: Traffic, markers: readonly string[]): readonly string[] {
  const haystack = Buffer.concat([
    Buffer.from([...keys].join('\n')),
    ...values.flatMap((value) => [Buffer.from('\n'), value]),
  ])
  // Hex and base64 know no difference of case between writers; texts may be normalised.
  const lower = Buffer.from(haystack.toString('latin1').toLowerCase(), 'latin1')
  return markers.filter((marker) =>
    spellings(marker).some(
      (spelling) => haystack.includes(spelling) || lower.includes(spelling.toLowerCase()),
    ),
  )
}

/** A text as it is, in hex, and in base64 at each of its three alignments. */
function spellings(text: string): readonly string[] {
  const bytes = Buffer.from(text)
  const aligned = [0, 1, 2].map((shift) => {
    const padded = Buffer.concat([Buffer.alloc(shift), bytes, Buffer.alloc(3)])
    // The characters at the edges also hold bits of what stands beside.
    const whole = padded.toString('base64')
    return whole.slice(shift === 0 ? 0 : shift + 1, Math.floor(((shift + bytes.length) * 8) / 6))
  })
  const urlSafe = aligned.map((part) => part.replaceAll('+', '-').replaceAll('/', '_'))
  return [text, bytes.toString('hex'), ...aligned, ...urlSafe]
}
