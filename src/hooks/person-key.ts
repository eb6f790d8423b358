import { invalidInput, type InputPath } from '../base/errors.ts'
import type { HookContext } from '../erasure/hook.ts'

/** By which of a person's ids another system knows the person: the app's own, or Privity's. */
export type PersonKey = 'externalId' | 'subjectId'

const MAX_NAME = 255

/** @throws {@link invalid_input} for anything but one of the two ids; the app's own when none is named */
export function parsePersonKey(value: unknown, path: InputPath): PersonKey {
  if (value === undefined || value === 'externalId') return 'externalId'
  if (value === 'subjectId') return 'subjectId'
  throw invalidInput(path, 'not_a_person_key')
}

/** The id of the person there; undefined where the person has none, and so can have nothing under it. */
export function idOf(context: HookContext, key: PersonKey): string | undefined {
  return context[key]
}

/** Whether an id can be one step of a path: it leads neither up nor down, on no system. */
export function isOneStep(id: string): boolean {
  if (id === '' || id === '.' || id === '..' || id.length > MAX_NAME) return false
  return !/[/\\:]/.test(id) && ![...id].some((character) => character < ' ')
}
