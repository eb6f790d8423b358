import * as z from 'zod/mini'
import { abortSignal } from '../base/abort-signal.ts'
import { callback } from '../base/callback.ts'
import { invalidInput } from '../base/errors.ts'
import { parseOptions } from '../base/parse-options.ts'
import { toInstant } from '../base/time.ts'
import type { Vault } from '../vault/vault.ts'
import { type EpochState, readEpochs } from './epoch-register.ts'
import { lookupsDue } from './lookups-due.ts'
import { resealAll, type ResealReport } from './reseal.ts'
import { type RetireDeps, retireEpoch } from './retire.ts'
import { rewrapAll, type RewrapReport } from './rewrap.ts'
import { learnEpoch, rotateEpoch } from './rotate.ts'
import { type DroppedLookupKeys, dropLookupKeys, rotateLookups } from './rotate-lookups.ts'
import { type KeyUsage, scanUsage } from './usage.ts'

/** The keys that the provider keeps, over their lives: an old copy of the store opens as long as they do. */
export interface KeysFace {
  /**
   * Puts a new epoch of the provider in use, and resolves to its number: from then on every new key is wrapped under
   * it, in every process. What is wrapped under an older one stays readable. Every class has to be released to this
   * process.
   *
   * @throws {@link not_supported} by a provider without epochs
   * @throws {@link key_unavailable} when the provider does not wrap every class here; the store is as it was then,
   * and an epoch that the provider made meanwhile is taken by the next process that is given every class
   * @throws {@link key_unknown} · @throws {@link key_unreadable} when the provider has not the secret of the epoch in
   * use, because an older copy of its secrets was put back: put the newest back; nothing was made
   */
  rotate(): Promise<number>
  /**
   * Wraps every key under the epoch in use. Keys stay the same, so nothing is sealed anew, and people go on being
   * read and written meanwhile. Whoever is being erased is left to that. An interrupted run is gone on with by
   * calling it again, in any process.
   *
   * @throws {@link key_unavailable} · @throws {@link key_unknown} · @throws {@link key_unreadable} when the provider
   * does not open what it wrapped under the epoch in use; nothing was changed
   */
  rewrap(options?: KeyJobOptions): Promise<RewrapReport>
  /**
   * Brings every record to the layout and the lookups of the running policy, and destroys keys of classes that the
   * policy no longer has once nothing is sealed under them. An interrupted run is gone on with by calling it again.
   *
   * @throws {@link policy_outdated} when another process runs a newer policy
   */
  reseal(options?: KeyJobOptions): Promise<ResealReport>
  /** What still needs an epoch, counted by looking at everybody; opens nothing. */
  usage(epoch: number, options?: KeyJobOptions): Promise<KeyUsage>
  /**
   * Destroys an epoch that nothing needs any more, at the provider first: from then on no copy of the store from
   * before {@link KeysFace.rewrap} opens. Resolves to the record of it, a compact JWS for `verifyCertificate`. What
   * was interrupted is gone on with by calling it again, in any process.
   *
   * It looks at this store only: a provider that another store uses too loses what that one has under the epoch. Keys
   * that a key store has lost hold nothing back: look at {@link KeysFace.usage} first.
   *
   * @throws {@link key_in_use} while something needs it, another tenant of the store included, and for the one in use
   * @throws {@link key_unavailable} while the provider does not answer
   * @throws {@link key_unknown} · @throws {@link key_unreadable} when the provider does not open what it wrapped under
   * the epoch in use: the older one is then the last way back, and stays
   * @throws {@link not_found} for an epoch that the store never had
   * @throws {@link not_supported} by a provider whose epochs cannot die
   */
  retire(epoch: number, options?: KeyJobOptions): Promise<string>
  /** Every epoch that the store ever had in use, the oldest first. */
  epochs(): Promise<readonly Epoch[]>
  /**
   * Starts a new generation of every lookup key: what is written from then on has its tokens there, and searches ask
   * every generation until {@link KeysFace.reseal} and {@link KeysFace.dropLookups}.
   *
   * @throws {@link policy_outdated} when another process runs a newer policy
   */
  rotateLookups(): Promise<void>
  /**
   * How many records lack tokens of the running policy under the newest keys, so that {@link KeysFace.reseal} is due.
   * A lookup that was added to a field finds none of them before.
   *
   * @throws {@link key_unavailable} when somebody's records cannot be looked at now · @throws {@link decryption_failed}
   */
  lookupsDue(options?: KeyJobOptions): Promise<number>
  /**
   * Destroys the lookup keys under which no token is left: of older generations, and of lookups that the policy no
   * longer has. Tells how many there were, and how many are still in use.
   *
   * @throws {@link policy_outdated} when another process runs a newer policy
   */
  dropLookups(): Promise<DroppedLookupKeys>
}

/** An epoch of the provider, and what became of it. */
export interface Epoch {
  /** Its number, from 1. */
  readonly epoch: number
  /** `superseded`: another one is in use. `retiring` and `destroyed`: `retire` was interrupted. */
  readonly state: EpochState
  /** When it came into this state (RFC 3339, UTC); absent for the first until it changes. */
  readonly since?: string
  /** From when on its provider itself cannot undo its destruction (RFC 3339, UTC). */
  readonly destroyedFrom?: string
}

/** How long work is watched and stopped; what was done stays done. */
export interface KeyJobOptions {
  /** Stops between two pages of people; calling it again goes on. */
  readonly signal?: AbortSignal
  /** Called with how many people were looked at, and about how many there are. What it throws is ignored. */
  readonly onProgress?: (done: number, of: number) => void
}

/** What the keys need. */
export interface KeysFaceDeps extends RetireDeps {
  readonly vault: Vault
}

const jobOptions = z.strictObject({
  signal: abortSignal,
  onProgress: callback<KeyJobOptions['onProgress']>(),
})
const MAX_EPOCH = 0xffff_ffff

/** The keys as their owner cares for them. */
export function createKeysFace(deps: KeysFaceDeps): KeysFace {
  const { vault, people } = deps
  return Object.freeze({
    rotate: () => rotateEpoch(deps),
    rewrap: async (options) => rewrapAll(deps, parseOptions(jobOptions, options)),
    reseal: async (options) => resealAll(vault, parseOptions(jobOptions, options)),
    usage: async (epoch, options) => {
      const asked = parseEpoch(epoch)
      const watch = parseOptions(jobOptions, options)
      await learnEpoch(deps)
      const scan = { epoch: asked, current: deps.epochs.epoch }
      return (await scanUsage({ ...people.deps, families: deps.families }, scan, watch)).usage
    },
    retire: async (epoch, options) =>
      retireEpoch(deps, parseEpoch(epoch), parseOptions(jobOptions, options)),
    epochs: () => listEpochs(deps),
    rotateLookups: () => rotateLookups(vault),
    lookupsDue: async (options) => lookupsDue(vault, parseOptions(jobOptions, options)),
    dropLookups: () => dropLookupKeys(vault),
  } satisfies KeysFace)
}

async function listEpochs(deps: KeysFaceDeps): Promise<readonly Epoch[]> {
  await learnEpoch(deps)
  const known = await readEpochs(deps.people.deps, deps.epochs.epoch)
  return known.map(({ epoch, state, since, destruction }) => ({
    epoch,
    state,
    ...(since === 0 ? {} : { since: toInstant(since) }),
    ...(destruction === undefined ? {} : { destroyedFrom: toInstant(destruction.effectiveAt) }),
  }))
}

function parseEpoch(epoch: unknown): number {
  const fits = Number.isSafeInteger(epoch) && Number(epoch) > 0 && Number(epoch) <= MAX_EPOCH
  if (fits) return Number(epoch)
  throw invalidInput(['epoch'], 'not_an_epoch')
}
