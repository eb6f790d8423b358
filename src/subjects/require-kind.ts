import { invalidInput } from '../base/errors.ts'
import type { Head } from './head.ts'

/** A head of a group. */
export type GroupHead = Head & { readonly members: readonly string[] }

/** Whether a head is of a group and not of a person. */
export function isGroup(head: Head): head is GroupHead {
  return head.members !== undefined
}

/** What only a person can do, nobody does in the name of several. @throws {@link invalid_input} for a group */
export function requirePerson(head: Head, path: readonly string[] = ['subjectId']): void {
  if (isGroup(head)) throw invalidInput(path, 'is_a_group')
}

/** @throws {@link invalid_input} for a person */
export function requireGroup(
  head: Head,
  path: readonly string[] = ['subjectId'],
): asserts head is GroupHead {
  if (!isGroup(head)) throw invalidInput(path, 'not_a_group')
}
