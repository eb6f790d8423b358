import { PrivityError } from '../base/errors.ts'

/** What a provider answers when it is asked to destroy the epoch that is in use. */
export function currentEpochFault(): PrivityError<'invalid_transition'> {
  return new PrivityError('invalid_transition', {
    machine: 'epoch',
    from: 'current',
    event: 'destroy',
  })
}
