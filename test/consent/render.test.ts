import { describe, expect, test } from 'vitest'
import {
  type KantaraContext,
  type RecordContext,
  toDpv27560,
  toIso27560,
  toKantara,
} from '../../src/reports.ts'
import type { JsonObject, JsonValue } from '../../src/base/canonical.ts'
import { refusal } from '../support/acme.ts'
import dpvTerms from '../vectors/consent-record/dpv-terms.json' with { type: 'json' }
import isoFields from '../vectors/consent-record/fields.json' with { type: 'json' }
import kantaraSample from '../vectors/consent-record/sample-kantara-projection.json' with {
  type: 'json',
}
import { kantaraFaults } from './kantara-rules.ts'
import { ANNA_ID, recordOf } from './papers.ts'
import { readFileSync } from 'node:fs'

const MAILER = {
  id: 'mailer',
  name: 'Mailer GmbH',
  role: 'processor',
  address: { addressCountry: 'DE' },
  contact: 'DPO',
} as const
const PARTNER = { ...MAILER, id: 'partner', name: 'Partner Ltd', role: 'third_party' } as const
const JOINT = { ...MAILER, id: 'joint', name: 'Twin Ltd', role: 'joint_controllers' } as const

const MARKETING = {
  personalData: [{ type: 'pd:EmailAddress' }, { type: 'pd:Preference', optional: true }],
  storageLocations: ['loc:IE'],
  retention: 'P24M',
  recipients: [MAILER],
  processing: ['dpv:Collect', 'dpv:Store', 'dpv:Use'],
} as const
const CARE = {
  personalData: [{ type: 'pd:Health', attribute: 'allergies', special: true }],
  storageLocations: ['loc:IE'],
  retention: 'P6M',
  recipients: [],
  primary: true,
} as const

/** What the rendering samples have beside the record. */
const CONTEXT = {
  controller: {
    address: { streetAddress: '1 Main St', addressCountry: 'IE' },
    email: 'privacy@acme.example',
    phone: '+353 1 000',
    url: 'https://acme.example',
  },
  noticeUrl: 'https://acme.example/privacy/v4',
  language: 'en',
  jurisdictions: ['IE'],
  withdrawal: { method: 'account page', url: 'https://acme.example/consent' },
  collectionMethod: 'Sign-up form with unticked box',
  service: 'Acme CRM',
  rights: ['eu-gdpr:A7-3', 'eu-gdpr:A15', 'eu-gdpr:A16', 'eu-gdpr:A17', 'eu-gdpr:A77'],
  rightsUrl: 'https://acme.example/rights',
  authority: {
    id: 'dpc',
    name: 'Data Protection Commission',
    address: { addressCountry: 'IE' },
    contact: 'https://forms.example',
  },
  purposes: { marketing: MARKETING, care: CARE },
} as const satisfies RecordContext & KantaraContext

const RECORD = recordOf(ANNA_ID, 'cmVjZWlwdC1pZC0wMDAwMA')

type Purpose = JsonObject & { readonly purpose: string }
function withPurposes(...purposes: readonly Purpose[]): JsonObject {
  return { ...RECORD, purposes }
}

const GIVEN: Purpose = {
  purpose: 'marketing',
  state: 'given',
  basis: 'consent',
  description: 'Monthly product newsletter',
  dpv: 'dpv:DirectMarketing',
}
const CARED: Purpose = {
  purpose: 'care',
  state: 'renewed',
  basis: 'consent',
  description: 'Mind your allergies',
  explicit: true,
  validUntil: '2027-05-21T09:00:00.000Z',
}
const REFUSED: Purpose = { ...GIVEN, state: 'refused' }
const OBJECTED: Purpose = {
  ...GIVEN,
  purpose: 'count',
  state: 'objected',
  basis: 'legitimate_interests',
}

describe('the Kantara rendering', () => {
  test('has the members of the sample, with the same types', () => {
    const { language, ...rendered } = toKantara(RECORD, CONTEXT)
    expect(language).toBe('en')
    const { language: _, ...sample } = kantaraSample
    expect(shapeOf(rendered)).toEqual(shapeOf(sample))
    expect({ ...rendered, consentReceiptID: '', piiPrincipalId: '', consentTimestamp: 0 }).toEqual({
      ...sample,
      consentReceiptID: '',
      piiPrincipalId: '',
      consentTimestamp: 0,
      piiControllers: [
        { ...sample.piiControllers[0], piiController: 'Acme', contact: 'privacy@acme.example' },
      ],
      services: [
        {
          service: 'Acme CRM',
          purposes: [
            {
              ...sample.services[0]?.purposes[0],
              purpose: 'Send you offers by e-mail',
              consentType: 'EXPRESSED (Sign-up form with unticked box)',
              termination:
                '2028-11-21T09:00:00.250Z, or when withdrawn: account page (https://acme.example/consent)',
            },
          ],
        },
      ],
    })
  })

  test('keeps the rules of the specification, as the sample does', () => {
    expect(kantaraFaults(kantaraSample)).toEqual([])
    for (const record of [RECORD, withPurposes(GIVEN, CARED), withPurposes(REFUSED, CARED)]) {
      expect(kantaraFaults(toKantara(record, CONTEXT))).toEqual([])
    }
  })

  test('has whole seconds, also of a time between two', () => {
    expect(toKantara(RECORD, CONTEXT).consentTimestamp).toBe(Date.UTC(2026, 10, 21, 9) / 1_000)
  })

  test('names what was granted, and nothing else', () => {
    const { services } = toKantara(withPurposes(REFUSED, CARED, OBJECTED), CONTEXT)
    expect(services[0]?.purposes.map(({ purpose }) => purpose)).toEqual(['Mind your allergies'])
  })

  const nothing: readonly (readonly [string, JsonObject])[] = [
    ['refused', withPurposes(REFUSED)],
    ['withdrawn', withPurposes({ ...GIVEN, state: 'withdrawn' })],
    ['objected to', withPurposes(OBJECTED)],
  ]
  test.for(nothing)('does not exist for what was %s', async ([, record]) => {
    expect(await refusal(() => toKantara(record, CONTEXT))).toEqual({
      code: 'invalid_input',
      details: { issues: [{ path: ['record', 'purposes'], code: 'nothing_granted' }] },
    })
  })

  test('says what is explicit and what is sensitive', () => {
    const rendered = toKantara(withPurposes(GIVEN, CARED), CONTEXT)
    expect(rendered).toMatchObject({ sensitive: true, spiCat: ['pd:Health'] })
    expect(rendered.services[0]?.purposes).toMatchObject([
      { consentType: 'EXPRESSED (Sign-up form with unticked box)', primaryPurpose: false },
      { consentType: 'EXPLICIT', primaryPurpose: true, purposeCategory: ['care'] },
    ])
  })

  test('names every third party in one text, and no processor', () => {
    const marketing = { ...MARKETING, recipients: [MAILER, PARTNER, JOINT] }
    const context = { ...CONTEXT, purposes: { marketing } }
    const { services } = toKantara(RECORD, context)
    expect(services[0]?.purposes[0]).toMatchObject({
      thirdPartyDisclosure: true,
      thirdPartyName: 'Partner Ltd, Twin Ltd',
    })
  })

  test('takes from the record what the app does not say', () => {
    const { collectionMethod: _, language: __, ...context } = CONTEXT
    const silent = { ...RECORD, notice: { id: 'privacy', version: '4', hash: 'sha256:x' } }
    expect(toKantara(silent, context)).toMatchObject({ collectionMethod: 'web: checkbox' })
    expect(toKantara(silent, context)).not.toHaveProperty('language')
    const { method: ___, ...unsaid } = RECORD
    expect(toKantara(unsaid, context)).toMatchObject({ collectionMethod: 'not recorded' })
  })

  const mandatory = [
    ['noticeUrl'],
    ['jurisdictions'],
    ['withdrawal'],
    ['service'],
    ['controller', 'address'],
    ['controller', 'email'],
    ['controller', 'phone'],
  ] as const
  test.for(mandatory)('is refused without %s', async (path) => {
    const context = without(CONTEXT, path) as KantaraContext
    expect(await refusal(() => toKantara(RECORD, context))).toMatchObject({
      code: 'invalid_input',
      details: { issues: [{ path: ['context', ...path] }] },
    })
  })
})

describe('the rendering in terms of DPV', () => {
  const rendered = toDpv27560(withPurposes(GIVEN, CARED), CONTEXT)

  test('has the members of the sample', () => {
    const text = readFileSync(
      new URL('../vectors/consent-record/sample-dpv27560-projection.jsonld', import.meta.url),
      'utf8',
    )
    const sample: JsonObject = JSON.parse(text)
    expect(Object.keys(rendered).toSorted()).toEqual(Object.keys(sample).toSorted())
    expect(rendered['@context']).toEqual(sample['@context'])
    expect(rendered['dct:conformsTo']).toEqual(sample['dct:conformsTo'])
    for (const name of ['dpv:hasNotice', 'dpv:hasProcess', 'dpv:hasEntity']) {
      const [mine, theirs] = [rendered, sample].map((it) => (it[name] as readonly JsonObject[])[0])
      expect(Object.keys(mine ?? {})).toEqual(expect.arrayContaining(Object.keys(theirs ?? {})))
    }
  })

  test('uses terms that DPV 2.3 has', () => {
    const known = new Set(dpvTerms.terms)
    const states = ['requested', 'deferred', 'refused', 'expired', 'withdrawn', 'revoked'] as const
    const others = [...states, 'invalidated', 'unknown'].map((state) =>
      toDpv27560(withPurposes({ ...GIVEN, state }), CONTEXT),
    )
    const roles = ['sub_processor', 'joint_controllers', 'third_party', 'authority'] as const
    const recipients = roles.map((role) => ({ ...MAILER, id: role, role }))
    const purposes = { marketing: { ...MARKETING, recipients } }
    const peopled = toDpv27560(withPurposes(GIVEN), { ...CONTEXT, purposes })
    const used = new Set([rendered, peopled, ...others].flatMap(termsIn))
    expect(used.size).toBeGreaterThan(50)
    expect([...used].filter((term) => !known.has(term))).toEqual([])
  })

  test('says of every purpose what was decided on it', () => {
    expect(rendered['dpv:hasConsentStatus']).toMatchObject([
      {
        '@type': ['dpv:ConsentGiven', 'dpv:ExpressedConsent'],
        'dpv:isIndicatedAtTime': '2026-11-21T09:00:00.250Z',
        'dpv:isIndicatedBy': 'dpv:DataSubject',
        'dpv:hasDuration': { '@type': 'dpv:UntilEventDuration' },
        'dpv:hasIndicationMethod': 'web',
      },
      {
        '@type': ['dpv:RenewedConsentGiven', 'dpv:ExplicitlyExpressedConsent'],
        'dpv:hasDuration': {
          '@type': 'dpv:UntilTimeDuration',
          'rdf:value': '2027-05-21T09:00:00.000Z',
        },
      },
    ])
    const statuses = rendered['dpv:hasConsentStatus'] as readonly JsonObject[]
    const processes = rendered['dpv:hasProcess'] as readonly JsonObject[]
    expect(statuses.map((status) => status['dpv:isApplicableFor'])).toEqual(
      processes.map((process) => process['@id']),
    )
  })

  test('names no party twice', () => {
    const purposes = { marketing: MARKETING, care: { ...CARE, recipients: [MAILER] } }
    const { 'dpv:hasEntity': entities } = toDpv27560(withPurposes(GIVEN, CARED), {
      ...CONTEXT,
      purposes,
    })
    expect((entities as readonly JsonObject[]).map((entity) => entity['@id'])).toEqual([
      'urn:privity:party:acme',
      'urn:privity:party:mailer',
      'urn:privity:party:dpc',
    ])
  })
})

describe('the rendering with the names of ISO/IEC TS 27560', () => {
  const rendered = toIso27560(withPurposes(GIVEN, CARED), CONTEXT)
  const { processing, party, event } = rendered
  const sections: { readonly [section: string]: readonly object[] } = {
    header: [rendered.header],
    processing,
    pii: processing.flatMap(({ pii_information }) => pii_information),
    party,
    event,
    'receipt header (with schema_version)': [rendered.receipt],
  }

  test('has every field that the standard makes mandatory, in every place', () => {
    expect(isoFields.fields).toHaveLength(44)
    for (const { name, required, section } of isoFields.fields) {
      if (!required) continue
      const places = sections[section] ?? []
      expect(places.length, section).toBeGreaterThan(0)
      for (const place of places) expect(place, `${section}.${name}`).toHaveProperty(name)
    }
  })

  test('has no field that the standard does not know', () => {
    const shared = ['schema_version', 'purpose']
    for (const [section, places] of Object.entries(sections)) {
      const names = isoFields.fields.filter((field) => field.section === section)
      const known = [...names.map(({ name }) => name), ...shared]
      for (const name of places.flatMap((place) => Object.keys(place)))
        expect(known, section).toContain(name)
    }
  })

  test('has every optional field that the app can fill', () => {
    const marketing = {
      ...MARKETING,
      personalData: [
        {
          type: 'pd:EmailAddress',
          attribute: 'email',
          optional: false,
          sensitive: false,
          special: false,
        },
      ],
      processingLocations: ['loc:IE'],
      geographicRestrictions: ['loc:EU'],
    }
    const full = toIso27560(withPurposes(GIVEN), {
      ...CONTEXT,
      codesOfConduct: ['code'],
      impactAssessment: 'https://acme.example/dpia',
      purposes: { marketing },
    })
    const names = new Set(
      [full.receipt, full.header, ...full.processing, ...full.party, ...full.event]
        .flatMap((place) => [...Object.keys(place)])
        .concat(full.processing.flatMap(({ pii_information: [first = {}] }) => Object.keys(first))),
    )
    expect(isoFields.fields.filter(({ name }) => !names.has(name))).toEqual([])
  })

  test('leaves out what does not rest on consent, and is nothing without', async () => {
    const { event: events } = toIso27560(withPurposes(OBJECTED, REFUSED), CONTEXT)
    expect(events).toMatchObject([{ event_state: 'dpv:ConsentRefused' }])
    const none = {
      code: 'invalid_input',
      details: { issues: [{ path: ['record', 'purposes'], code: 'no_consent' }] },
    }
    const recorded = { ...OBJECTED, state: 'recorded', basis: 'contract' }
    for (const render of [toIso27560, toDpv27560])
      expect(await refusal(() => render(withPurposes(OBJECTED, recorded), CONTEXT))).toEqual(none)
  })

  const mandatory = [
    ['language'],
    ['noticeUrl'],
    ['jurisdictions'],
    ['withdrawal'],
    ['controller', 'address'],
    ['purposes', 'marketing', 'personalData'],
    ['purposes', 'marketing', 'storageLocations'],
    ['purposes', 'marketing', 'retention'],
    ['purposes', 'marketing', 'recipients'],
  ] as const
  test.for(mandatory)('is refused without %s', async (path) => {
    const context = without(CONTEXT, path) as RecordContext
    for (const render of [toIso27560, toDpv27560])
      expect(await refusal(() => render(RECORD, context))).toMatchObject({
        code: 'invalid_input',
        // The key of a purpose is the app's: it is not repeated.
        details: {
          issues: [{ path: ['context', ...path.map((it) => (it === 'marketing' ? '?' : it))] }],
        },
      })
  })
})

describe('every rendering', () => {
  const renderings = [toKantara, toDpv27560, toIso27560] as const

  test('needs to be told about each purpose', async () => {
    const { marketing: _, ...purposes } = CONTEXT.purposes
    for (const render of renderings)
      expect(await refusal(() => render(RECORD, { ...CONTEXT, purposes }))).toEqual({
        code: 'invalid_input',
        details: { issues: [{ path: ['context', 'purposes', 'marketing'], code: 'required' }] },
      })
  })

  test('is told nothing that it does not know', async () => {
    const context = { ...CONTEXT, note: 'x' }
    for (const render of renderings)
      expect(await refusal(() => render(RECORD, context))).toMatchObject({
        details: { issues: [{ path: ['context'], code: 'unrecognized_keys' }] },
      })
  })

  const wrong: readonly unknown[] = [
    undefined,
    null,
    'record',
    {},
    { ...RECORD, schemaVersion: 'privity.consent/2' },
    { ...RECORD, occurredAt: '2026-02-30T00:00:00.000Z' },
    { ...RECORD, purposes: [] },
    { ...RECORD, purposes: [{ ...GIVEN, state: 'perhaps' }] },
    { ...RECORD, purposes: [{ ...GIVEN, basis: 'whim' }] },
    { ...RECORD, subject: {} },
  ]
  test.for(wrong)('refuses a record that is none: %o', async (record) => {
    for (const render of renderings)
      expect(await refusal(() => render(record as never, CONTEXT))).toMatchObject({
        code: 'invalid_input',
      })
  })

  test('is JSON, and is the same every time', () => {
    for (const render of renderings) {
      const rendered = render(RECORD, CONTEXT)
      expect(JSON.parse(JSON.stringify(rendered))).toEqual(rendered)
      expect(render(RECORD, CONTEXT)).toEqual(rendered)
    }
  })
})

type Shape = string | readonly Shape[] | { readonly [name: string]: Shape }

function shapeOf(value: unknown): Shape {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf)
  if (typeof value !== 'object' || value === null) return typeof value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shapeOf(member)]))
}

function without(value: object, [name = '', ...rest]: readonly string[]): object {
  const { [name]: member, ...others } = value as { readonly [name: string]: object }
  return rest.length === 0 ? others : { ...others, [name]: without(member ?? {}, rest) }
}

/** Every identifier of the vocabulary in a document: what an app names itself is not ours. */
function termsIn(value: JsonValue): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(termsIn)
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).flatMap(([name, member]) => [
      ...termsIn(name),
      ...(name === '@context' ? [] : termsIn(member)),
    ])
  return typeof value === 'string' && /^(dpv|eu-gdpr):/.test(value) ? [value] : []
}
