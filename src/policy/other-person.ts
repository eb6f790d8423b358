// A field that is called so is probably about somebody else than the person whose record it is in.
const OTHERS: readonly string[] = [
  'spouse partner husband wife fiance mother father parent child children son daughter brother',
  'sister sibling grandparent relative kin nextofkin guardian caregiver dependant dependent',
  'beneficiary emergencycontact referrer referredby invitedby colleague coworker manager supervisor',
  'witness ehepartner ehefrau ehemann mutter vater eltern sohn tochter vormund notfallkontakt',
  'echtgenoot echtgenote moeder vader ouder zoon dochter kinderen voogd noodcontact collega',
  'conjoint epoux epouse mere pere enfant tuteur conyuge madre padre hijo hija tutor',
]
// With one of the endings below.
const PEOPLE =
  'person customer user subject contact client patient member employee guest student friend owner'
const ENDINGS: readonly string[] = ['id', 'ids', 'uuid', 'ref']
// What these say is about the person after all, or about no person: `hasChildren`, `motherTongue`.
const NEUTRAL =
  'has is was count number amount total status type since tongue language benefit company organisation organization'
// Trees of things have parents and children as well.
const NODE = /\b(?:parent|child) (?:account|record|ticket|order|task|folder|category|group|page)\b/

const PARTS = /[A-Z]?[a-z]+|[A-Z]+(?![a-z])/g

/** Tells whether the name of a field, in parts like `partnerName` or `partner_name`, sounds like another person. */
export function soundsLikeAnother(name: string): boolean {
  const spelled = (name.match(PARTS) ?? []).join(' ').toLowerCase()
  const parts = spelled.replace(NODE, '').split(' ')
  if (parts.some((part) => isOneOf(NEUTRAL, part))) return false
  const pairs = parts.slice(1).map((part, index) => `${parts[index]}${part}`)
  return [...parts, ...pairs].some(isAnother) || [...parts.slice(-1), ...pairs.slice(-1)].some(isId)
}

function isAnother(word: string): boolean {
  const others = OTHERS.join(' ')
  return isOneOf(others, word) || isOneOf(others, word.replace(/s$/, ''))
}

function isId(word: string): boolean {
  return ENDINGS.some(
    (ending) => word.endsWith(ending) && isOneOf(PEOPLE, word.slice(0, -ending.length)),
  )
}

function isOneOf(words: string, word: string): boolean {
  return ` ${words} `.includes(` ${word} `)
}
