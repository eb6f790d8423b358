/**
 * What the Kantara Consent Receipt 1.1 asks of a receipt, written down from its specification: members that must
 * be there, and their types. Ours is a list of rules and no copy of their schema.
 */
export function kantaraFaults(receipt: unknown): readonly string[] {
  const faults: string[] = []
  check(faults, { path: '', value: receipt, rules: RECEIPT })
  return faults
}

type Rule = 'text' | 'texts' | 'flag' | 'seconds' | 'address' | readonly Rules[]
type Rules = { readonly [name: string]: Rule }

const PURPOSE: Rules = {
  purpose: 'text',
  purposeCategory: 'texts',
  consentType: 'text',
  piiCategory: 'texts',
  primaryPurpose: 'flag',
  termination: 'text',
  thirdPartyDisclosure: 'flag',
  'thirdPartyName?': 'text',
}
const CONTROLLER: Rules = {
  piiController: 'text',
  'onBehalf?': 'flag',
  contact: 'text',
  address: 'address',
  email: 'text',
  phone: 'text',
  'piiControllerUrl?': 'text',
}
const RECEIPT: Rules = {
  version: 'text',
  jurisdiction: 'text',
  consentTimestamp: 'seconds',
  collectionMethod: 'text',
  consentReceiptID: 'text',
  'publicKey?': 'text',
  'language?': 'text',
  piiPrincipalId: 'text',
  piiControllers: [CONTROLLER],
  policyUrl: 'text',
  services: [{ service: 'text', purposes: [PURPOSE] }],
  sensitive: 'flag',
  spiCat: 'texts',
}

interface Place {
  readonly path: string
  readonly value: unknown
  readonly rules: Rules
}

function check(faults: string[], { path, value, rules }: Place): void {
  if (!isObject(value)) return void faults.push(`${path} is no object`)
  const known = new Set(Object.keys(rules).map((name) => name.replace('?', '')))
  for (const name of Object.keys(value))
    if (!known.has(name)) faults.push(`${path}.${name} unknown`)
  for (const [name, rule] of Object.entries(rules)) {
    const member = value[name.replace('?', '')]
    if (member === undefined && name.endsWith('?')) continue
    checkMember(faults, { path: `${path}.${name}`, value: member, rule })
  }
  const { thirdPartyDisclosure, thirdPartyName, sensitive, spiCat } = value
  if (thirdPartyDisclosure === true && thirdPartyName === undefined)
    faults.push(`${path}.thirdPartyName missing`)
  if (sensitive === true && (spiCat as readonly unknown[]).length === 0)
    faults.push(`${path}.spiCat empty`)
}

function checkMember(
  faults: string[],
  { path, value, rule }: { readonly path: string; readonly value: unknown; readonly rule: Rule },
): void {
  if (typeof rule === 'string') {
    if (!IS[rule](value)) faults.push(`${path} is no ${rule}`)
    return
  }
  const [rules = {}] = rule
  if (!Array.isArray(value) || value.length === 0) return void faults.push(`${path} is no list`)
  for (const [at, item] of value.entries())
    check(faults, { path: `${path}.${at}`, value: item, rules })
}

const IS = {
  text: (value: unknown) => typeof value === 'string' && value !== '',
  texts: (value: unknown) => Array.isArray(value) && value.every(isText),
  flag: (value: unknown) => typeof value === 'boolean',
  seconds: (value: unknown) =>
    Number.isInteger(value) && Number(value) >= 0 && Number(value) < 1e11,
  address: (value: unknown) => isObject(value) && Object.values(value).every(isText),
} as const

function isText(value: unknown): boolean {
  return typeof value === 'string'
}

function isObject(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
