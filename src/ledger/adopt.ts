import { isPrivityError, PrivityError } from '../base/errors.ts'
import { untilSteady } from '../base/tries.ts'
import type { Keyspace } from '../storage/keyspace.ts'
import type { Store } from '../storage/store.ts'
import type { LogHead } from './log-head.ts'
import { readState, type Shard, type ShardState } from './shard.ts'
import type { Signers } from './signers.ts'

/** What telling the logs needs. */
export interface AdoptDeps {
  readonly store: Store
  readonly keyspace: Keyspace
  readonly signers: Signers
}

/** Each time that another process was faster, that one got on. */
const LOOKS = 100

/**
 * Brings the heads of the other logs in step with the main one, which alone has the entries about policy and
 * keys: a process whose policy is outdated must not write to any of them, nor one whose keys are of an epoch that
 * is out of use.
 */
export async function adoptMain(
  deps: AdoptDeps,
  main: Shard,
  others: readonly Shard[],
): Promise<void> {
  for (const shard of others) await untilSteady(LOOKS, () => tryAdopt(deps, main, shard))
}

/** `stale`: another process was faster. */
async function tryAdopt(
  { store, keyspace, signers }: AdoptDeps,
  main: Shard,
  shard: Shard,
): Promise<'done' | 'stale'> {
  const { log, number } = shard
  const register = keyspace.shardRegister(number)
  const [leading, bytes, noted] = await store.read([main.log.keys.head, log.keys.head, register])
  // The main log knows of its leaves: who began it anew would write over them.
  if (bytes === undefined && noted !== undefined)
    throw new PrivityError('ledger_inconsistent', { origin: log.origin, kind: 'head' })
  const told = await main.log.head(leading)
  const before = await log.head(bytes)
  const { policy, signer, epoch } = await readState({ signers, log: main.log }, told)
  const { generation } = told
  const leads = { policy, signer, ...(epoch === undefined ? {} : { epoch }) }
  if (bytes !== undefined && isInStep(before, { ...leads, generation })) return 'done'
  const state = { ...before.state, ...leads }
  const { put } = await log.append(before, { leaves: [], at: before.at, state, generation })
  try {
    await store.commit({ checks: [[log.keys.head, bytes ?? null]], put, del: [] })
    return 'done'
  } catch (error) {
    // Of unknown outcome: the next look tells.
    if (isPrivityError(error, 'write_conflict') || isPrivityError(error, 'outcome_unknown'))
      return 'stale'
    throw error
  }
}

function isInStep(
  { state, generation }: LogHead,
  told: Pick<ShardState, 'policy' | 'signer' | 'epoch'> & Pick<LogHead, 'generation'>,
): boolean {
  return (
    state['policy'] === told.policy &&
    state['signer'] === told.signer &&
    state['epoch'] === told.epoch &&
    generation === told.generation
  )
}
