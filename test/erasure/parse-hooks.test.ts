import { expect, test } from 'vitest'
import { parseHooks } from '../../src/erasure/parse-hooks.ts'
import { refusal } from '../support/acme.ts'

const METHODS = {
  plan: async () => [],
  execute: async () => 'done',
  verify: async () => 'absent',
} as const

const BAD: readonly (readonly [option: string, value: unknown, code: string])[] = [
  ['version', 0, 'not_a_version'],
  ['version', 1.5, 'not_a_version'],
  ['version', '1', 'not_a_version'],
  ['dependsOn', 'other', 'not_a_list_of_ids'],
  ['dependsOn', ['anna@example.com'], 'not_a_list_of_ids'],
  ['dependsOn', [undefined], 'not_a_list_of_ids'],
  ['dependsOn', Array.from({ length: 65 }, (_, n) => `h${n}`), 'not_a_list_of_ids'],
  ['partial', 1, 'not_a_boolean_or_list'],
  ['partial', [], 'empty'],
  ['partial', Array.from({ length: 1_001 }, () => ({ record: 'contact' })), 'too_many'],
  ['needsPlaintext', 'yes', 'not_a_boolean'],
  ['replay', 'never', 'not_a_replay'],
  ['concurrency', 0, 'not_a_count'],
  ['concurrency', 17, 'not_a_count'],
  ['attempts', 101, 'not_a_count'],
  ['attempts', Number.NaN, 'not_a_count'],
  ['deadline', { hours: -1 }, 'not_a_duration'],
  ['deadline', 5, 'not_a_duration'],
  ['owner', 'Anna Jansen', 'not_a_word'],
  ['owner', '', 'not_a_word'],
]

for (const [option, value, code] of BAD) {
  test(`the option ${option} of a hook as ${JSON.stringify(value)?.slice(0, 40)} is ${code}`, async () => {
    const error = await refusal(() => parseHooks([{ id: 'mailing', ...METHODS, [option]: value }]))
    expect(error).toEqual({
      code: 'invalid_input',
      details: { issues: [{ path: ['hooks', 0, option], code }] },
    })
  })
}

const PARTS: readonly (readonly [
  part: unknown,
  path: readonly (string | number)[],
  code: string,
])[] = [
  ['contact', [], 'not_an_object'],
  [{}, ['record'], 'not_a_text'],
  [{ record: 'contact', field: 'name' }, [], 'unknown_option'],
  [{ record: 'contact', fields: 'name' }, ['fields'], 'not_a_list'],
  [{ record: 'contact', fields: [] }, ['fields'], 'empty'],
  [{ record: 'contact', fields: ['name', 7] }, ['fields', 1], 'not_a_text'],
]

for (const [part, at, code] of PARTS) {
  test(`a part of a hook as ${JSON.stringify(part)} is ${code}`, async () => {
    const partial = [{ record: 'contact' }, part]
    const error = await refusal(() => parseHooks([{ id: 'mailing', ...METHODS, partial }]))
    expect(error).toEqual({
      code: 'invalid_input',
      details: {
        issues: [expect.objectContaining({ path: ['hooks', 0, 'partial', 1, ...at], code })],
      },
    })
  })
}

test('a hook is read once, and what it depends on comes before it', () => {
  const dependsOn = ['b', 'b']
  const fields = ['name']
  const hooks = parseHooks([
    { id: 'a', ...METHODS, dependsOn, version: 3, owner: 'dpo', deadline: { days: 3 } },
    { id: 'b', ...METHODS, partial: true, replay: 'skip', concurrency: 4, attempts: 1 },
    { id: 'c', ...METHODS, partial: [{ record: 'contact', fields }] },
  ])
  dependsOn.length = 0
  fields.length = 0
  expect(hooks).toMatchObject([
    { id: 'b', partial: true, replay: 'skip', concurrency: 4, attempts: 1 },
    { id: 'a', dependsOn: ['b'], version: 3, owner: 'dpo', deadline: { days: 3 } },
    { id: 'c', partial: [{ record: 'contact', fields: ['name'] }] },
  ])
  expect(hooks.every(Object.isFrozen)).toBe(true)
})

test('a hook that says nothing about itself has nothing but its methods', () => {
  const [hook] = parseHooks([{ id: 'a', ...METHODS }])
  expect(Object.keys(hook ?? {})).toEqual(['id', 'plan', 'execute', 'verify'])
})

for (const method of ['plan', 'execute', 'verify'] as const) {
  test(`a hook without ${method} is refused`, async () => {
    const error = await refusal(() => parseHooks([{ id: 'a', ...METHODS, [method]: undefined }]))
    expect(error.details).toEqual({
      issues: [{ path: ['hooks', 0, method], code: 'not_a_function' }],
    })
  })
}
