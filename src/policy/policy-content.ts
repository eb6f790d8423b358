import { checkOwnership } from './check-ownership.ts'
import { type Collection, readCollections } from './collections.ts'
import { isCountry } from './country.ts'
import { definitionOf, type RecordDefinition } from './define-record.ts'
import type { Faults } from './faults.ts'
import { checkSpecial, type FieldDefinition, type PurposeTable } from './field-definition.ts'
import { type Members, readMap, readMembers } from './read-members.ts'
import { memberNameFault, nameFault } from './names.ts'
import { isComplete, type OptionTable, readOptions, required } from './read-options.ts'
import { line } from './rules.ts'
import type { Controller, Role } from './policy-type.ts'
import { purposeList, readPurposeList } from './purpose-list.ts'
import { isPurpose, type Purpose, readPurposes } from './purposes.ts'
import { isOwnEvent } from './retention.ts'

/** What a policy says, checked. */
export interface PolicyContent {
  readonly controller: Controller
  readonly version?: string
  readonly purposes: ReadonlyMap<string, Purpose>
  readonly roles: ReadonlyMap<string, Role<string>>
  readonly records: ReadonlyMap<string, RecordEntry>
  readonly collections?: ReadonlyMap<string, Collection>
}

/** A record type of the app, and what was checked of it. */
export interface RecordEntry {
  readonly type: object
  readonly definition: RecordDefinition
}

const MAX_RECORDS = 64
const MAX_ROLES = 256
const PARTS: readonly string[] = ['controller', 'purposes', 'records', 'roles']
const OPTIONAL: readonly string[] = ['version', 'collections']
const VERSION = line(64)

const CONTROLLER: OptionTable<Controller> = {
  id: required(line(128)),
  name: required(line(256)),
  contact: required(line(256)),
  country: required(country),
}

const ROLE: OptionTable<Role<string>> = { purposes: required(purposeList(0)) }

/** Checks a whole policy and reports every fault; gives nothing if something is missing. */
export function readPolicy(input: unknown, faults: Faults): PolicyContent | undefined {
  const members = readMembers(input, faults)
  if (members === undefined) return undefined
  checkParts(members, faults)
  const version = readVersion(members.get('version'), faults.at('version'))
  const purposes = readPurposes(partOf(members, 'purposes'), faults.at('purposes'))
  const records = readRecords(partOf(members, 'records'), purposes, faults.at('records'))
  checkPurposeEvents(purposes, records, faults.at('purposes'))
  checkOwnership(records, purposes, faults.at('records'))
  const roles = readRoles(partOf(members, 'roles'), purposes, faults.at('roles'))
  const collections = readCollections(members.get('collections'), faults.at('collections'))
  const controller = readController(members.get('controller'), faults.at('controller'))
  if (controller === undefined) return undefined
  const whole = new Map([...purposes].flatMap(([name, it]) => (isPurpose(it) ? [[name, it]] : [])))
  return {
    controller,
    purposes: whole,
    records,
    roles,
    ...(version === undefined ? {} : { version }),
    ...(collections === undefined ? {} : { collections }),
  }
}

function checkParts(members: Members, faults: Faults): void {
  for (const name of PARTS) {
    if (members.get(name) === undefined) faults.at(name).add('required')
  }
  for (const name of members.keys()) {
    if (![...PARTS, ...OPTIONAL].includes(name)) faults.at(name).add('unrecognized_keys')
  }
}

// A missing part was reported; it must not make others look wrong.
function partOf(members: Members, name: string): unknown {
  const part = members.get(name)
  return part === undefined ? {} : part
}

function readVersion(value: unknown, faults: Faults): string | undefined {
  if (value === undefined) return undefined
  faults.add(VERSION(value))
  return typeof value === 'string' ? value : undefined
}

function readController(value: unknown, faults: Faults): Controller | undefined {
  if (value === undefined) return undefined
  const options = readOptions(value, CONTROLLER, faults)
  return isComplete(options, CONTROLLER) ? options : undefined
}

function readRecords(
  value: unknown,
  purposes: PurposeTable,
  faults: Faults,
): ReadonlyMap<string, RecordEntry> {
  return readMap(value, { max: MAX_RECORDS, nameFault: memberNameFault, read }, faults)

  function read(type: unknown, at: Faults): RecordEntry | undefined {
    const definition = definitionOf(type)
    if (definition === undefined || typeof type !== 'object' || type === null) {
      at.add('not_a_record')
      return undefined
    }
    for (const field of definition.fields) {
      checkField(field, purposes, at.at('fields').at(field.name))
    }
    return { type, definition }
  }
}

/** The record may have been defined with other purposes than the policy has. */
function checkField(field: FieldDefinition, purposes: PurposeTable, faults: Faults): void {
  if (!field.purposes.every((name) => purposes.has(name))) {
    faults.at('purposes').add('not_declared')
  }
  checkSpecial(field, { named: field.purposes, purposes }, faults)
}

/** An event that happens to no record of the purpose would never end anything. */
function checkPurposeEvents(
  purposes: PurposeTable,
  records: ReadonlyMap<string, RecordEntry>,
  faults: Faults,
): void {
  for (const [name, { retention }] of purposes) {
    const event = retention?.from
    if (typeof event !== 'string' || !isOwnEvent(event)) continue
    const happens = [...records.values()].some(
      ({ definition: { events, fields } }) =>
        events.includes(event) && fields.some((field) => field.purposes.includes(name)),
    )
    if (!happens) faults.at(name).at('retention').at('from').add('not_declared')
  }
}

function readRoles(
  value: unknown,
  purposes: PurposeTable,
  faults: Faults,
): ReadonlyMap<string, Role<string>> {
  return readMap(value, { max: MAX_ROLES, nameFault, read }, faults)

  function read(role: unknown, at: Faults): Role<string> | undefined {
    const options = readOptions(role, ROLE, at)
    readPurposeList(options.purposes ?? [], purposes, at.at('purposes'))
    return isComplete(options, ROLE) ? options : undefined
  }
}

function country(value: unknown): string | undefined {
  if (typeof value !== 'string') return 'invalid_type'
  return isCountry(value) ? undefined : 'not_a_country'
}
