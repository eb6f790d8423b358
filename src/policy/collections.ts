import type { Faults } from './faults.ts'
import { memberNameFault } from './names.ts'
import { readWaiver, type Waiver } from './ownership.ts'
import { readMap, readMembers } from './read-members.ts'
import { line } from './rules.ts'

/** Data that the app keeps elsewhere: the hook that reaches it in an erasure, or why none does. */
export type Collection =
  | {
      /** Id of an erasure hook that `createPrivity` is given. */
      readonly hook: string
      readonly waiver?: never
    }
  | { readonly hook?: never; readonly waiver: Waiver }

const MAX_COLLECTIONS = 256
const HOOK = line(64)

/** Checks what a policy says of data that is kept elsewhere; undefined when it says nothing. */
export function readCollections(
  value: unknown,
  faults: Faults,
): ReadonlyMap<string, Collection> | undefined {
  if (value === undefined) return undefined
  return readMap(value, { max: MAX_COLLECTIONS, nameFault: memberNameFault, read }, faults)
}

function read(value: unknown, faults: Faults): Collection | undefined {
  const members = readMembers(value, faults)
  if (members === undefined) return undefined
  const [hook, given] = [members.get('hook'), members.get('waiver')]
  for (const name of members.keys())
    if (name !== 'hook' && name !== 'waiver') faults.at(name).add('unrecognized_keys')
  if ((hook === undefined) === (given === undefined)) {
    faults.add(hook === undefined ? 'needs_hook_or_waiver' : 'hook_and_waiver')
    return undefined
  }
  if (hook !== undefined) faults.at('hook').add(HOOK(hook))
  if (typeof hook === 'string') return Object.freeze({ hook })
  const waiver = readWaiver(given, faults.at('waiver'))
  return waiver === undefined ? undefined : Object.freeze({ waiver })
}
