import { addDuration, isDuration } from '../base/time.ts'

/** Gives the code of the rule that a value breaks, or nothing. */
export type Rule = (value: unknown) => string | undefined

// 1 January 2100: what can be added to it can be added to every date an app will meet.
const LATE = 4_102_444_800_000
const LONE_SURROGATE = /\p{Surrogate}/u
const LINE_BREAK_OR_CONTROL = /[\p{Cc}\u2028\u2029]/u

/** Refuses anything but a text of 1 to `max` characters that is more than white space. */
export function text(max: number): Rule {
  return (value) => {
    if (typeof value !== 'string') return 'invalid_type'
    if (value.trim() === '') return 'too_small'
    if (value.length > max) return 'too_big'
    // Canonical JSON, and so the hash of the policy, cannot hold half a character.
    return LONE_SURROGATE.test(value) ? 'invalid_format' : undefined
  }
}

/** A text on one line, which may stand in a log or a signed note. */
export function line(max: number): Rule {
  const rule = text(max)
  return (value) => {
    const isBroken = typeof value === 'string' && LINE_BREAK_OR_CONTROL.test(value)
    return rule(value) ?? (isBroken ? 'invalid_format' : undefined)
  }
}

/** Refuses anything but a text that the pattern matches. */
export function format(pattern: RegExp): Rule {
  return (value) => {
    if (typeof value !== 'string') return 'invalid_type'
    return pattern.test(value) ? undefined : 'invalid_format'
  }
}

/** Refuses anything but one of the listed words. */
export function oneOf(words: readonly string[]): Rule {
  return (value) => {
    if (typeof value !== 'string') return 'invalid_type'
    return words.includes(value) ? undefined : 'invalid_value'
  }
}

/** Refuses anything but a list of at most `max` values; what they may be is checked one by one. */
export function list(max: number, min: 0 | 1): Rule {
  return (value) => {
    if (!Array.isArray(value)) return 'invalid_type'
    if (value.length < min) return 'too_small'
    return value.length > max ? 'too_big' : undefined
  }
}

/** Refuses anything but `true`: an option is left out, not switched off. */
export function onlyTrue(value: unknown): string | undefined {
  return value === true ? undefined : 'invalid_value'
}

/** A duration that can be added to every date an app will meet. */
export function duration(value: unknown): string | undefined {
  if (!isDuration(value)) return 'not_a_duration'
  try {
    addDuration(LATE, value)
    return undefined
  } catch {
    return 'too_big'
  }
}

/** A duration of more than nothing. */
export function period(value: unknown): string | undefined {
  const fault = duration(value)
  if (fault !== undefined) return fault
  return isDuration(value) && Object.values(value).includes(0) ? 'too_small' : undefined
}
