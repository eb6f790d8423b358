import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { definePolicy } from '../../src/policy/define-policy.ts'
import { defineRecord } from '../../src/policy/define-record.ts'
import type {
  CollectionFinding,
  OwnershipFinding,
  PolicyFinding,
} from '../../src/policy/findings.ts'
import { soundsLikeAnother } from '../../src/policy/other-person.ts'
import { definePurposes } from '../../src/policy/purposes.ts'
import { controller, policy as acme, refusal } from '../support/acme.ts'

const purposes = definePurposes({
  support: {
    basis: 'contract',
    description: 'Answer your questions',
    retention: { keep: { years: 1 }, from: 'created' },
  },
})
const REVIEW = '2027-06-30'
const WAIVER = { reason: 'the name of a brand', reviewAt: REVIEW } as const
const OWNED = { record: 'ticket', field: 'ticketId' } as const

type Loose = (...input: readonly unknown[]) => unknown
type LooseKit = { field(schema: unknown, options: unknown): unknown }
type Said = OwnershipFinding | CollectionFinding

/** A record of optional texts with these options each. */
function record(
  fields: { readonly [name: string]: object },
  options: object = {},
  schema: unknown = z.string().exactOptional(),
): unknown {
  const define = defineRecord as Loose
  return define(
    purposes,
    ({ field }: LooseKit) =>
      Object.fromEntries(
        Object.entries(fields).map(([name, given]) => [
          name,
          field(schema, { purposes: ['support'], ...given }),
        ]),
      ),
    options,
  )
}

const TICKET = record({ text: {} }, { many: true })

function explain(records: object, more: object = {}, options?: unknown): readonly Said[] {
  const policy = (definePolicy as Loose)({ controller, purposes, records, roles: {}, ...more })
  const findings = (policy as { explain(it: unknown): readonly PolicyFinding[] }).explain(options)
  return findings.filter((it): it is Said => {
    expect(Object.isFrozen(it)).toBe(true)
    expect(it.summary).not.toBe('')
    return it.kind === 'ownership' || it.kind === 'collection'
  })
}

function inShort(findings: readonly Said[]): readonly string[] {
  return findings.map((it) => {
    const place = it.kind === 'ownership' ? [it.record, ...it.fields] : [it.collection]
    return [it.level, it.what, ...place].join(' ')
  })
}

describe('a policy explains', () => {
  test('nothing about records of one person that name nobody else', () => {
    expect(acme.explain().filter(({ kind }) => kind === 'ownership')).toEqual([])
  })

  test('which records are shared, and what becomes of them', () => {
    const onErase = 'refcount'
    expect(explain({ home: record({ street: {} }, { sharedWith: { onErase } }) })).toMatchObject([
      { level: 'info', what: 'shared', record: 'home', fields: [], onErase },
    ])
  })

  test('which records are parts of others, and which of those may be left over', () => {
    const owned = (onErase: string, more: object = {}, schema?: unknown) =>
      explain({
        ticket: TICKET,
        note: record({ ticketId: more }, { many: true, ownedBy: { ...OWNED, onErase } }, schema),
      })
    const part = { record: 'note', fields: ['ticketId'], owner: 'ticket' }
    expect(owned('delete', {}, z.string())).toMatchObject([
      { ...part, level: 'info', what: 'owned', onErase: 'delete' },
    ])
    expect(owned('delete')).toMatchObject([
      { what: 'owned' },
      { ...part, level: 'warning', what: 'orphan', onErase: 'delete' },
    ])
    expect(inShort(owned('detach'))).toEqual(['info owned note ticketId'])
    expect(inShort(owned('delete', { waiver: WAIVER }))).toEqual([
      'info owned note ticketId',
      'info waived note ticketId',
    ])
  })

  test('what becomes of a field that names somebody who is erased', () => {
    const of = (refs: object, more: object = {}) =>
      explain({ note: record({ friendId: { lookup: 'exact', refs, ...more } }) })
    const summaries = new Set<string>()
    for (const onErase of ['detach', 'decorrelate', 'delete', 'anonymise']) {
      const found = of({ onErase }, { atEnd: { anonymise: () => '' } })
      expect(found).toMatchObject([
        { level: 'info', what: 'reference', record: 'note', fields: ['friendId'], onErase },
      ])
      summaries.add(found[0]?.summary ?? '')
    }
    expect(summaries.size).toBe(4)
    const retained = { onErase: 'retain', reason: 'tax', reviewAt: REVIEW }
    expect(of(retained)).toMatchObject([{ level: 'info', what: 'retained', ...retained }])
  })

  test('which fields sound like another person, and which of them somebody let be', () => {
    const fields = {
      name: {},
      partnerName: {},
      brandPartner: { waiver: WAIVER },
      customerId: {},
      managerId: { lookup: 'exact', refs: { onErase: 'delete' } },
    }
    const found = explain({ contact: record(fields) })
    expect(found).toMatchObject([
      { level: 'warning', what: 'other_person', fields: ['partnerName', 'customerId'] },
      { level: 'info', what: 'waived', fields: ['brandPartner'], ...WAIVER },
      { level: 'info', what: 'reference', fields: ['managerId'] },
    ])
  })

  test('no owner as another person, though its type is called like one', () => {
    const ownedBy = { record: 'contact', field: 'contactId', onErase: 'delete' }
    const note = record({ contactId: {} }, { many: true, ownedBy }, z.string())
    expect(inShort(explain({ contact: TICKET, note }))).toEqual(['info owned note contactId'])
  })

  test('which day of review is over, by the time of whoever asks', () => {
    const refs = { onErase: 'retain', reason: 'tax', reviewAt: '2027-07-31' }
    const records = {
      note: record({ agentId: { lookup: 'exact', refs }, partner: { waiver: WAIVER } }),
    }
    const collections = { mailing: { waiver: WAIVER } }
    const overdue = (options?: unknown) =>
      inShort(explain(records, { collections }, options)).filter((it) => it.includes('overdue'))
    expect(overdue()).toEqual([])
    expect(overdue({})).toEqual([])
    expect(overdue({ at: '2027-06-30T23:59:59Z' })).toEqual([])
    expect(overdue({ at: '2027-07-01T00:00:00Z' })).toEqual([
      'warning review_overdue note partner',
      'warning review_overdue mailing',
    ])
    expect(overdue({ at: '2027-08-01T00:00:00Z' })).toContain('warning review_overdue note agentId')
    const [first] = explain(records, {}, { at: '2028-01-01T00:00:00Z' }).filter(
      ({ what }) => what === 'review_overdue',
    )
    expect(first).toMatchObject({ fields: ['agentId'], reason: 'tax', reviewAt: '2027-07-31' })
  })

  test('nothing at a time that is none', async () => {
    for (const at of ['2027-06-30', 20_270_630, null])
      expect(await refusal(() => explain({}, {}, { at }))).toEqual({
        code: 'invalid_input',
        details: { issues: [{ path: ['at'], code: 'not_an_instant' }] },
      })
    expect(await refusal(() => explain({}, {}, { on: 1 }))).toMatchObject({
      details: { issues: [{ path: ['options'], code: 'unknown_option' }] },
    })
  })

  test('what is kept elsewhere, and who reaches it', () => {
    const collections = { orders: { hook: 'shop' }, logs: { waiver: WAIVER } }
    expect(explain({}, { collections })).toMatchObject([
      { kind: 'collection', level: 'info', what: 'outside', collection: 'orders', hook: 'shop' },
      { kind: 'collection', level: 'info', what: 'waived', collection: 'logs', ...WAIVER },
    ])
    expect(explain({}, { collections: {} })).toEqual([])
  })
})

describe('the name of a field', () => {
  test.each([
    'spouse',
    'partnerName',
    'partner_name',
    'PARTNER_NAME',
    'motherMaidenName',
    'nameOfFather',
    'child1Name',
    'children',
    'siblings',
    'nextOfKin',
    'legalGuardian',
    'emergencyContact',
    'emergency_contact_phone',
    'emergencycontact',
    'referrer',
    'referredBy',
    'invited_by',
    'lineManagerEmail',
    'colleagues',
    'coWorker',
    'customerId',
    'customer_id',
    'customerid',
    'userID',
    'serviceUserId',
    'salesPersonId',
    'subjectId',
    'contactIds',
    'memberRef',
    'ehepartner',
    'notfallKontakt',
    'naamMoeder',
    'noodcontact',
    'nomConjoint',
    'enfants',
    'nombreMadre',
  ])('%s sounds like another person', (name) => {
    expect(soundsLikeAnother(name)).toBe(true)
  })

  test.each([
    'name',
    'firstName',
    'email',
    'phone',
    'address',
    'birthDate',
    'iban',
    'language',
    'motherTongue',
    'maritalStatus',
    'hasChildren',
    'isManager',
    'childCount',
    'numberOfChildren',
    'partnerSince',
    'partnerCompany',
    'parentTicketId',
    'parent_folder',
    'childBenefit',
    'partnership',
    'management',
    'password',
    'reason',
    'season',
    'subject',
    'contactEmail',
    'customerNumber',
    'customerSince',
    'userAgent',
    'userName',
    'clientIp',
    'rememberId',
    'userPaid',
    'orderId',
    'ticketId',
    'external_id',
    'id',
    'x',
    'a1',
    'kind',
  ])('%s does not', (name) => {
    expect(soundsLikeAnother(name)).toBe(false)
  })
})
