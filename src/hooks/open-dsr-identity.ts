import { toHex, utf8 } from '../base/bytes.ts'
import { invalidInput, type InputPath } from '../base/errors.ts'
import { membersOf } from '../base/members.ts'
import { sha256 } from '../crypto/hash.ts'
import type { HookContext } from '../erasure/hook.ts'
import { idOf, type PersonKey } from './person-key.ts'

/** By what a processor knows the person (OpenDSR 2.0, section 5). */
export interface OpenDsrIdentity {
  /** Such as `controller_customer_id` or `email`. */
  readonly type: string
  /** One of the person's ids, or a field: then the hook runs while fields can still be read. */
  readonly from: PersonKey | { readonly record: string; readonly field: string }
  /** As it is, or its SHA-256 in lower-case hexadecimal digits. Default: `raw`. */
  readonly format?: 'raw' | 'sha256'
  /** How the processor spells it, such as in lower case. */
  readonly normalise?: (value: string) => string
}

/** An identity as a request holds it. */
export interface IdentityJson {
  readonly identity_type: string
  readonly identity_value: string
  readonly identity_format: string
}

const NAMES = ['type', 'from', 'format', 'normalise'] as const
const TYPE = /^[a-z][a-z0-9_]{0,63}$/
const MAX_IDENTITIES = 20
const MAX_VALUE = 2_048

/** @throws {@link invalid_input} */
export function parseIdentities(identities: unknown): readonly OpenDsrIdentity[] {
  const path: InputPath = ['identities']
  if (!Array.isArray(identities)) throw invalidInput(path, 'not_a_list')
  if (identities.length === 0 || identities.length > MAX_IDENTITIES)
    throw invalidInput(path, identities.length === 0 ? 'too_small' : 'too_big')
  return Array.from(identities, (identity: unknown, index) =>
    parseIdentity(identity, [...path, index]),
  )
}

/** What a request holds of this person; identities without a value are left out. */
export async function identitiesOf(
  identities: readonly OpenDsrIdentity[],
  context: HookContext,
): Promise<readonly IdentityJson[]> {
  const found: IdentityJson[] = []
  for (const { type, from, format = 'raw', normalise } of identities) {
    const value = typeof from === 'object' ? await read(from, context) : idOf(context, from)
    if (typeof value !== 'string' || value === '' || value.length > MAX_VALUE) continue
    const spelled = normalise === undefined ? value : String(normalise(value))
    found.push({
      identity_type: type,
      identity_value: format === 'raw' ? spelled : toHex(sha256(utf8(spelled))),
      identity_format: format,
    })
  }
  return found
}

function parseIdentity(identity: unknown, path: InputPath): OpenDsrIdentity {
  const { type, from, format = 'raw', normalise } = membersOf(identity, NAMES, path)
  if (typeof type !== 'string' || !TYPE.test(type))
    throw invalidInput([...path, 'type'], 'not_a_type')
  // The specification also knows MD5 and SHA-1, by which nothing is hidden from anybody.
  if (format !== 'raw' && format !== 'sha256')
    throw invalidInput([...path, 'format'], 'unknown_format')
  if (normalise !== undefined && typeof normalise !== 'function')
    throw invalidInput([...path, 'normalise'], 'not_a_function')
  const rest = normalise === undefined ? {} : { normalise: normalise as (value: string) => string }
  return { type, from: parseFrom(from, [...path, 'from']), format, ...rest }
}

function parseFrom(from: unknown, path: InputPath): OpenDsrIdentity['from'] {
  if (from === 'externalId' || from === 'subjectId') return from
  const { record, field } = membersOf(from, ['record', 'field'], path)
  if (typeof record !== 'string') throw invalidInput([...path, 'record'], 'not_a_string')
  if (typeof field !== 'string') throw invalidInput([...path, 'field'], 'not_a_string')
  return { record, field }
}

async function read(
  { record, field }: { readonly record: string; readonly field: string },
  context: HookContext,
): Promise<unknown> {
  return (await context.read(record, [field]))?.[field]
}
