import { inspect } from 'node:util'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import {
  ERROR_TABLE,
  type ErrorCode,
  type ErrorDetails,
  type InputIssue,
  invalidInput,
  isPrivityError,
  PrivityError,
} from '../../src/base/errors.ts'

fc.configureGlobal({ seed: 20_261_122 })

const CANARY = 'ann@example.com'

/** One sample for every code; each text in it is something a message must not repeat. */
const SAMPLES: { readonly [C in ErrorCode]: ErrorDetails[C] } = {
  invalid_input: { issues: [{ path: [CANARY, 3], code: CANARY }] },
  not_declared: { kind: 'purpose', path: [CANARY], declared: [CANARY, CANARY] },
  not_permitted: { purpose: CANARY, reason: 'withdrawn', reasons: ['withdrawn', 'restricted'] },
  not_found: { kind: CANARY },
  erased: { kind: 'subject' },
  suppressed: { kind: 'subject' },
  replay_required: { behind: 2 },
  journal_diverged: { reason: 'behind', seq: 3 },
  already_exists: { kind: 'record' },
  incomplete_record: { record: CANARY, fields: [CANARY] },
  policy_outdated: { newest: CANARY },
  invalid_transition: { machine: CANARY, from: CANARY, event: CANARY },
  erasure_incomplete: { erasureId: CANARY, failing: [CANARY] },
  key_unknown: { what: CANARY },
  key_unreadable: { what: CANARY },
  key_unavailable: { what: CANARY },
  key_in_use: {
    epoch: 1,
    current: false,
    people: 2,
    erasing: 1,
    storedKeys: 3,
    unreadable: 0,
    tenants: 0,
  },
  decryption_failed: { what: CANARY },
  unsupported_format: { what: CANARY, version: 9 },
  ledger_inconsistent: { origin: CANARY, kind: CANARY },
  not_supported: { what: CANARY },
  write_conflict: { attempts: 3 },
  outcome_unknown: { operationId: CANARY },
  store_unavailable: { reason: CANARY },
  store_full: { reason: CANARY },
  store_closed: { reason: CANARY },
  store_corrupt: { reason: CANARY },
}
const CODES = Object.keys(SAMPLES) as readonly ErrorCode[]

test('the table has a row for every code and no other', () => {
  expect(Object.keys(ERROR_TABLE).sort()).toEqual([...CODES].sort())
})

test.each(CODES)('%s has a message of whole sentences that says what to do', (code) => {
  const { message } = new PrivityError(code, SAMPLES[code])
  const sentences = message.split(/(?<=\.) /)
  expect(sentences.length).toBeGreaterThanOrEqual(2)
  for (const sentence of sentences) expect(sentence).toMatch(/^[A-Z].*[.]$/)
  expect(message).not.toMatch(/[{]\w+[}]|NaN|undefined/)
})

test.each(CODES)('%s keeps its details out of the message', (code) => {
  expect(new PrivityError(code, SAMPLES[code]).message).not.toContain(CANARY)
})

test.each(CODES)('%s has a problem status and says whether to retry', (code) => {
  expect(ERROR_TABLE[code].status).toBeGreaterThanOrEqual(400)
  expect(ERROR_TABLE[code].status).toBeLessThan(600)
  expect(typeof ERROR_TABLE[code].retryable).toBe('boolean')
})

test('only what may succeed unchanged is worth a retry', () => {
  expect(CODES.filter((code) => ERROR_TABLE[code].retryable)).toEqual([
    'erasure_incomplete',
    'key_unavailable',
    'write_conflict',
    'outcome_unknown',
    'store_unavailable',
  ])
})

test('what is declared, and words of ours, stand in the message', () => {
  const said = <C extends ErrorCode>(code: C, details: ErrorDetails[C]): string =>
    new PrivityError(code, details).message
  const declared = ['support', CANARY]
  expect(said('not_declared', { kind: 'purpose', path: [], declared })).toMatch(
    /^No purpose of this name is declared \(known: support, \?\)\. /,
  )
  expect(said('not_declared', { kind: 'role', path: [], declared: [] })).toContain('(known: none)')
  expect(said('not_permitted', SAMPLES.not_permitted)).toMatch(
    /^Not permitted for purpose '\?': withdrawn, restricted\. /,
  )
  expect(said('not_permitted', { ...SAMPLES.not_permitted, purpose: 'marketing' })).toContain(
    "for purpose 'marketing': withdrawn",
  )
  expect(said('not_found', { kind: 'record' })).toMatch(/^No such record here\. /)
  expect(said('incomplete_record', { record: 'contact', fields: ['name', 'email'] })).toContain(
    '(name, email)',
  )
  expect(said('replay_required', { behind: 2 })).toContain('lacks 2 erasure(s)')
})

test.each([
  ['store', undefined],
  ['anchor', 'anchor'],
  ['keyStore', 'keyStore'],
  ['journal', 'journal'],
] as const)('says that it was the %s which did not answer, and why', (name, store) => {
  const failure = { reason: 'timeout', ...(store === undefined ? {} : { store }) }
  expect(new PrivityError('store_unavailable', failure).message).toMatch(
    new RegExp(`^The ${name} did not answer \\(timeout\\), and nothing was written\\. `),
  )
})

test.each(CODES)('the details of %s are frozen at every depth', (code) => {
  const frozen = (value: unknown): boolean =>
    typeof value !== 'object' ||
    value === null ||
    (Object.isFrozen(value) && Object.values(value).every(frozen))
  expect(frozen(new PrivityError(code, SAMPLES[code]).details)).toBe(true)
})

test('details are a copy: the caller may change its own object', () => {
  const fields = ['email']
  const error = new PrivityError('incomplete_record', { record: 'contact', fields })
  fields.push('phone')
  expect(error.details.fields).toEqual(['email'])
  expect(Object.isFrozen(fields)).toBe(false)
})

test('serialises as code and details, without message, stack or cause', () => {
  const error = new PrivityError('not_found', { kind: 'subject' })
  expect(JSON.parse(JSON.stringify(error))).toEqual({
    code: 'not_found',
    details: { kind: 'subject' },
  })
  expect(error.cause).toBeUndefined()
})

test('is an Error that names itself in the stack and under inspection', () => {
  const error = new PrivityError('not_found', { kind: 'subject' })
  expect(error).toBeInstanceOf(Error)
  expect(error.name).toBe('PrivityError')
  expect(error.stack).toMatch(/^PrivityError: /)
  expect(inspect(error)).toContain("code: 'not_found'")
})

test('the guard narrows to one code', () => {
  const caught: unknown = new PrivityError('write_conflict', { attempts: 2 })
  expect(isPrivityError(caught)).toBe(true)
  expect(isPrivityError(caught, 'not_found')).toBe(false)
  if (!isPrivityError(caught, 'write_conflict')) throw caught
  expect(caught.details.attempts).toBe(2)
})

test('a switch on the code narrows the details', () => {
  const caught: unknown = new PrivityError('store_full', { reason: 'disk_full' })
  if (!isPrivityError(caught)) throw caught
  const seen = caught.code === 'store_full' ? caught.details.reason : undefined
  expect(seen).toBe('disk_full')
})

test('the guard knows errors of another installed copy', async () => {
  vi.resetModules()
  const copy = await import('../../src/base/errors.ts')
  const foreign: unknown = new copy.PrivityError('erased', { kind: 'subject' })
  expect(foreign).not.toBeInstanceOf(PrivityError)
  expect(isPrivityError(foreign, 'erased')).toBe(true)
})

test('the guard knows errors of another realm', () => {
  const foreign: unknown = runInNewContext(`
    class PrivityError extends Error {
      code = 'erased'
      details = { kind: 'subject' }
      get [Symbol.for('privity.error')]() { return true }
    }
    new PrivityError()
  `)
  expect(foreign).not.toBeInstanceOf(Error)
  expect(isPrivityError(foreign, 'erased')).toBe(true)
})

const revoked = Proxy.revocable({}, {})
revoked.revoke()
const brand = Symbol.for('privity.error')

test.each([
  ['undefined', undefined],
  ['null', null],
  ['a text', 'erased'],
  ['another error', new TypeError('erased')],
  ['parsed JSON that looks alike', JSON.parse('{"code":"erased","details":{}}')],
  ['a code of a later version', { [brand]: true, code: 'not_yet_known', details: {} }],
  ['a code from the prototype', { [brand]: true, code: 'toString', details: {} }],
  ['missing details', { [brand]: true, code: 'erased' }],
  ['a revoked proxy', revoked.proxy],
])('the guard refuses %s', (_, value) => {
  expect(isPrivityError(value)).toBe(false)
})

test('an input path keeps declared names and indices, and hides everything else', () => {
  const path = ['contact', 0, 'given-name', CANARY, 'x'.repeat(65), '']
  expect(invalidInput(path, 'invalid_type').details.issues).toEqual([
    { path: ['contact', 0, 'given-name', '?', '?', '?'], code: 'invalid_type' },
  ])
})

/** The message of a refusal at these places. */
function messageOf(issues: ErrorDetails['invalid_input']['issues']): string {
  return new PrivityError('invalid_input', { issues }).message
}

test('the first three places of refused input stand in the message, and how many more there are', () => {
  const at = (index: number): InputIssue => ({ path: ['hooks', index, 'id'], code: 'not_an_id' })
  expect(messageOf([at(0)])).toContain('refused: hooks.0.id: not_an_id. ')
  expect(messageOf([at(0), at(1), at(2), at(3), at(4)])).toContain(
    'hooks.0.id: not_an_id; hooks.1.id: not_an_id; hooks.2.id: not_an_id; and 2 more. ',
  )
  expect(messageOf([{ path: [], code: 'invalid_type' }])).toContain('the argument: invalid_type')
})

test('where a name was not known, the message has those that are', () => {
  const { message, details } = invalidInput([], 'unrecognized_keys', ['externalId', CANARY])
  expect(message).toContain('the argument: unrecognized_keys (known: externalId, ?)')
  expect(details.issues[0]?.declared).toEqual(['externalId', CANARY])
})

test('only what a policy could declare reaches the message', () => {
  const step = fc.oneof(fc.string(), fc.emailAddress(), fc.integer(), fc.constant('contact'))
  const issue = fc.record({
    path: fc.array(step, { maxLength: 4 }),
    code: step.map(String),
    declared: fc.array(fc.string(), { maxLength: 3 }),
  })
  fc.assert(
    fc.property(fc.array(issue, { minLength: 1, maxLength: 5 }), (issues) => {
      const shown = /^The input was refused: (.*)\. Correct /.exec(messageOf(issues))?.[1] ?? ''
      const place = /^[\w?. the-]+: [\w?-]+(?: \(known: [\w?, ]*\))?$/
      for (const part of shown.split('; '))
        expect(part).toMatch(/^and \d more$/.test(part) ? /./ : place)
    }),
  )
})
