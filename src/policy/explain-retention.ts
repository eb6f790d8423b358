import { addDuration } from '../base/time.ts'
import type { CompiledRecord } from './compiled.ts'
import type { PolicyContent } from './policy-content.ts'
import type { RetentionFinding } from './findings.ts'
import { isOwnEvent, type Retention } from './retention.ts'
import { type FieldRules, hasEnd } from './retention-rules.ts'

type Said = Omit<RetentionFinding, 'kind' | 'record'>

/** A field, its rules, and the purposes that it serves. */
interface Looked {
  readonly field: Pick<CompiledRecord['fields'][number], 'id' | 'name' | 'purposes'>
  readonly rules: FieldRules | undefined
}

interface Context {
  readonly record: CompiledRecord
  readonly purposes: PolicyContent['purposes']
  readonly looked: readonly Looked[]
}

/** Durations are compared from here: months and years are not all as long. */
const SOME_DAY = 1_767_225_600_000

/** Says of a record type which of its fields never end, what has to stay by law, and what contradicts itself. */
export function explainRetention(
  record: CompiledRecord,
  purposes: PolicyContent['purposes'],
): readonly RetentionFinding[] {
  const looked = record.fields.map((field) => ({
    field,
    rules: record.retention?.fields.get(field.id),
  }))
  const context = { record, purposes, looked }
  return [endless, floors, unread, longer, elsewhere]
    .flatMap((look) => look(context))
    .map((said) => Object.freeze({ kind: 'retention', record: record.name, ...said }))
}

/** Storage limitation (Art. 5(1)(e)): no longer than is necessary. */
function endless({ looked }: Context): readonly Said[] {
  const without = looked.filter(({ rules }) => rules === undefined || !hasEnd(rules))
  const pointless = without.filter(({ rules }) => rules?.anonymise !== undefined)
  return [
    ...say(without, {
      what: 'no_maximum',
      level: 'warning',
      summary:
        'Nothing says how long these fields are kept at most: they stay until somebody erases them.',
    }),
    ...say(pointless, {
      what: 'end_never',
      level: 'error',
      summary: 'What becomes of these fields at their end is declared, and they never end.',
    }),
  ]
}

function floors({ looked }: Context): readonly Said[] {
  const all = looked.flatMap(({ rules }) => rules?.floors ?? [])
  const grounds = new Map(all.map((floor) => [floor.ground, floor]))
  return [...grounds].flatMap(([ground, { source }]) =>
    say(
      looked.filter(({ rules }) => rules?.floors.some((floor) => floor.ground === ground) === true),
      {
        what: 'floor',
        level: 'info',
        ground,
        ...(source === undefined ? {} : { source }),
        summary:
          'A law keeps these fields: neither their maximum nor a withdrawal erases them before.',
      },
    ),
  )
}

/** Of somebody who is erased, no other basis reads what stays: it would be kept for nobody. */
function unread({ looked, purposes }: Context): readonly Said[] {
  return say(
    looked.filter(
      ({ field, rules }) =>
        rules !== undefined &&
        rules.floors.length > 0 &&
        !field.purposes.some((it) => purposes.get(it)?.basis === 'legal_obligation'),
    ),
    {
      what: 'floor_unread',
      level: 'warning',
      summary:
        'A law keeps these fields, and once the person is erased nobody can read them: none of their purposes rests on a legal obligation.',
    },
  )
}

/** Only what is counted from the same event can be compared. */
function longer({ looked, purposes }: Context): readonly Said[] {
  return [...purposes].flatMap(([purpose, { retention }]) => {
    const shorter = looked.filter(
      ({ field, rules }) =>
        retention !== undefined &&
        field.purposes.includes(purpose) &&
        rules?.maxima.some((it) => it.from === retention.from && after(it) < after(retention)) ===
          true,
    )
    return say(shorter, {
      what: 'purpose_longer',
      level: 'warning',
      purpose,
      summary: 'The purpose is declared to need these fields for longer than they are kept.',
    })
  })
}

/** A purpose that is counted from what never happens to this record goes on needing its fields. */
function elsewhere({ record, looked, purposes }: Context): readonly Said[] {
  const own = record.retention?.events ?? []
  return [...purposes].flatMap(([purpose, { retention }]) => {
    const event = retention?.from
    if (event === undefined || !isOwnEvent(event) || own.includes(event)) return []
    return say(
      looked.filter(({ field }) => field.purposes.includes(purpose)),
      {
        what: 'event_never',
        level: 'error',
        purpose,
        summary:
          'The purpose ends by an event that this record does not declare: it never ends here.',
      },
    )
  })
}

function say(looked: readonly Looked[], said: Omit<Said, 'fields'>): readonly Said[] {
  return looked.length === 0 ? [] : [{ ...said, fields: looked.map(({ field }) => field.name) }]
}

function after({ keep }: Retention): number {
  return addDuration(SOME_DAY, keep)
}
