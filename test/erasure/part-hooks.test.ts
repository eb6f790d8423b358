import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isConcerned, isPartialHook } from '../../src/erasure/partial/part-hooks.ts'
import type { ErasureHook, HookPart, HookScope } from '../../src/erasure/hook.ts'
import { compilePolicy } from '../../src/policy/compile.ts'
import { policy } from '../support/acme.ts'
import { scriptedHook } from '../support/scripted-hook.ts'

const compiled = compilePolicy(policy)
const names = [...compiled.records].flatMap(([record, { fields }]) =>
  fields.map(({ name }) => ({ record, name })),
)

const part: fc.Arbitrary<HookPart> = fc.oneof(
  fc.record({ record: fc.constantFrom(...compiled.records.keys()) }),
  fc.constantFrom(...names).map(({ record, name }) => ({ record, fields: [name] })),
)
const scope: fc.Arbitrary<HookScope> = fc
  .array(part, { minLength: 1, maxLength: 4 })
  .map((records) => ({ records }))

test('a hook is concerned exactly when a field that it has copies of goes', () => {
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), scope, (partial, gone) => {
      const covers = (parts: readonly HookPart[], { record, name }: (typeof names)[number]) =>
        parts.some((it) => it.record === record && (it.fields?.includes(name) ?? true))
      const expected = names.some((it) => covers(partial, it) && covers(gone.records, it))
      expect(isConcerned(scriptedHook({ partial }), gone, compiled)).toBe(expected)
    }),
  )
})

test('what the policy has not any more concerns whoever has copies of such a record', () => {
  const hook = scriptedHook({ partial: [{ record: 'contact', fields: ['name'] }] })
  const field = { records: [{ record: 'contact', fields: ['0f3a'] }] }
  const record = { records: [{ record: 'order' }] }
  expect([field, record].map((gone) => isConcerned(hook, gone, compiled))).toEqual([true, true])
})

test('a hook takes part in parts when it says so', () => {
  const said: readonly ErasureHook['partial'][] = [undefined, false, true, [{ record: 'contact' }]]
  const takes = said.map((partial) =>
    isPartialHook(scriptedHook(partial === undefined ? {} : { partial })),
  )
  expect(takes).toEqual([false, false, true, true])
})
