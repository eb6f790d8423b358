import { invalidInput, type InputPath } from '../base/errors.ts'
import { elementsOf, membersOf } from '../base/members.ts'
import type { HookPart } from './hook.ts'

const NAMES = ['record', 'fields'] as const
const MAX_PARTS = 1_000

/**
 * Reads what a hook says that its system has copies of; a boolean is left as it is.
 *
 * @throws {@link invalid_input} also for a list of nothing, which would never be told of anything
 */
export function parseParts(value: unknown, path: InputPath): boolean | readonly HookPart[] {
  if (typeof value === 'boolean') return value
  return listOf(value, path).map((part, index) => parsePart(part, [...path, index]))
}

function parsePart(part: unknown, path: InputPath): HookPart {
  const { record, fields } = membersOf(part, NAMES, path)
  if (typeof record !== 'string') throw invalidInput([...path, 'record'], 'not_a_text')
  if (fields === undefined) return Object.freeze({ record })
  const at = [...path, 'fields']
  const names = listOf(fields, at).map((name, index) => {
    if (typeof name !== 'string') throw invalidInput([...at, index], 'not_a_text')
    return name
  })
  return Object.freeze({ record, fields: Object.freeze(names) })
}

function listOf(value: unknown, path: InputPath): readonly unknown[] {
  const list = elementsOf(value)
  if (list === undefined) throw invalidInput(path, 'not_a_list')
  if (list.length === 0) throw invalidInput(path, 'empty')
  if (list.length > MAX_PARTS) throw invalidInput(path, 'too_many')
  return list
}
