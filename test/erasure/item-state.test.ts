import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { longestWait } from '../../src/erasure/backoff.ts'
import {
  begin,
  isDue,
  type ItemState,
  readOutcome,
  relapse,
  settle,
  type TryOutcome,
} from '../../src/erasure/item-state.ts'

const NOW = 1_000_000_000_000
const DAY = 86_400_000
const LIMITS = { attempts: 3, patientUntil: NOW + 30 * DAY }
const FAILED: TryOutcome = { kind: 'failed', hung: false }

function tryAgain(state: ItemState | undefined, outcome: TryOutcome, now = NOW): ItemState {
  return settle(begin(state), outcome, { now, limits: LIMITS })
}

test('an item that always fails is tried so many times, with growing waits, and is dead', () => {
  let state: ItemState | undefined
  const seen: string[] = []
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    state = tryAgain(state, FAILED)
    seen.push(`${state.state} ${state.attempts}`)
    if (state.state !== 'waiting') continue
    expect(state.at).toBeGreaterThan(NOW)
    expect(state.at).toBeLessThanOrEqual(NOW + longestWait(attempt))
    expect(isDue(state, NOW)).toBe(false)
    expect(isDue(state, state.at)).toBe(true)
  }
  expect(seen).toEqual(['waiting 1', 'waiting 2', 'dead 3'])
  expect(isDue(state, NOW + 1_000 * DAY)).toBe(false)
})

test('being asked to come back uses up no attempt before the deadline, and does behind it', () => {
  const later: TryOutcome = { kind: 'later', after: { hours: 1 } }
  let state: ItemState | undefined
  for (let n = 0; n < 100; n += 1) state = tryAgain(state, later)
  expect(state).toEqual({ state: 'waiting', attempts: 0, at: NOW + 3_600_000 })
  const late = LIMITS.patientUntil
  for (let n = 0; n < 3; n += 1) state = tryAgain(state, later, late)
  expect(state).toEqual({ state: 'dead', attempts: 3 })
})

test('whatever a hook asks for, it is asked again within 30 days', () => {
  const unit = fc.constantFrom('hours', 'days', 'months', 'years')
  fc.assert(
    fc.property(unit, fc.nat(Number.MAX_SAFE_INTEGER), (name, amount) => {
      const outcome = readOutcome({ retryAfter: { [name]: amount }, why: 'x' })
      const state = tryAgain(undefined, outcome)
      expect(state).toMatchObject({ state: 'waiting', attempts: 0 })
      if (state.state === 'waiting') expect(state.at).toBeLessThanOrEqual(NOW + 30 * DAY)
    }),
  )
})

test('of what a hook says nothing but the kind is kept, and a ticket that is a word', () => {
  const blocked = JSON.stringify(tryAgain(undefined, readOutcome({ blocked: 'anna@example.com' })))
  expect(blocked).not.toContain('anna')
  expect(readOutcome({ manual: 'T-17' })).toEqual({ kind: 'manual', ticket: 'T-17' })
  for (const manual of ['call Anna', 'a'.repeat(65), '', 7, null, { id: 1 }])
    expect(readOutcome({ manual })).toEqual({ kind: 'manual', ticket: undefined })
})

test('an answer that is none is a failure, whatever it is', () => {
  fc.assert(
    fc.property(fc.anything(), (answer) => {
      fc.pre(answer !== 'done' && answer !== 'already_done')
      fc.pre(typeof answer !== 'object' || answer === null || !('manual' in answer))
      expect(['failed', 'later']).toContain(readOutcome(answer).kind)
    }),
  )
  const trap = {
    get retryAfter(): unknown {
      throw new Error('marker')
    },
  }
  expect(readOutcome(trap)).toEqual(FAILED)
})

test('what was done and is found again counts the tries that it took', () => {
  const context = { now: NOW, limits: LIMITS }
  const done = tryAgain(tryAgain(undefined, FAILED), { kind: 'done' })
  expect(done).toEqual({ state: 'done', attempts: 2 })
  expect(relapse(done, context)).toMatchObject({ state: 'waiting', attempts: 2 })
  expect(relapse({ state: 'done', attempts: 3 }, context)).toEqual({ state: 'dead', attempts: 3 })
})

test('what was begun is due at once: nobody knows whether it was done', () => {
  expect(isDue(begin(undefined), NOW)).toBe(true)
  expect(isDue(undefined, NOW)).toBe(true)
  expect(isDue({ state: 'done', attempts: 1 }, NOW)).toBe(false)
})
