import * as z from 'zod/mini'
import { abortSignal } from '../../base/abort-signal.ts'
import { toBase64url, utf8 } from '../../base/bytes.ts'
import { callback } from '../../base/callback.ts'
import { isPrivityError, PrivityError } from '../../base/errors.ts'
import { randomId } from '../../base/id.ts'
import { ignoreThrown } from '../../base/ignore-thrown.ts'
import { parseOptions } from '../../base/parse-options.ts'
import { sha256 } from '../../crypto/hash.ts'
import { advanceMark } from '../../journal/journal-mark.ts'
import { endOf, idAgain } from '../end-of.ts'
import { type Fenced, fencedNow } from '../fence.ts'
import { destroyKeys } from '../fence-keys.ts'
import { advanceJob, type Job, type OpenJob, openJob, saveJob } from '../job.ts'
import { groupsOf } from '../leave-groups.ts'
import type { ErasureDeps, RunOptions } from '../erasure-deps.ts'
import { proceed } from '../steps.ts'
import { type Held, holdAgainst } from './hold-against.ts'
import { isPart, newErasures, type NewErasure } from './new-erasures.ts'
import { planPart, type ReplayDeps, replayPart } from './replay-part.ts'
import type { Replayed } from './sign-replay.ts'
import { standingsOf } from './standing.ts'

const replayOptions = z.strictObject({
  signal: abortSignal,
  onProgress: callback<RunOptions['onProgress']>(),
})

/**
 * Does every erasure again that the journal has and the store has not; resolves to a certificate, or to nothing
 * where there is nothing to do. What was done stays done, whenever it stops.
 */
export async function replayErasures(
  { journal, ...rest }: ErasureDeps,
  options: unknown,
): Promise<string | undefined> {
  const { signal, onProgress } = parseOptions(replayOptions, options)
  rest.vault.people.deps.ledger.quarantine.check()
  if (journal === undefined) throw new PrivityError('not_supported', { what: 'journal' })
  const deps: ReplayDeps = { ...rest, journal }
  const startedAt = deps.vault.people.now()
  const held = await holdAgainst(journal.hold)
  if (held.behind === 0) return undefined
  let [replayed, parts, failed]: [number, number, unknown] = [0, 0, undefined]
  // Whoever was erased as a whole has no parts left to be erased.
  for await (const erasure of missing(deps, held, 'whole')) {
    signal?.throwIfAborted()
    failed = (await tried(() => replayOne(deps, erasure, signal))) ?? failed
    replayed += 1
    ignoreThrown(() => onProgress?.(replayed, held.behind))
  }
  // Before any of them begins, since each moves the revisions that the others go by.
  for await (const erasure of missing(deps, held, 'part')) {
    signal?.throwIfAborted()
    if (isPart(erasure)) await planPart(deps, erasure)
  }
  for await (const erasure of missing(deps, held, 'part')) {
    signal?.throwIfAborted()
    failed = (await tried(() => replayPart(deps, erasure, signal))) ?? failed
    parts += 1
    ignoreThrown(() => onProgress?.(replayed + parts, held.behind))
  }
  return finish(deps, { replayed, parts, startedAt, failed })
}

/** Erasures of a stretch that the store lacks, each looked at as it stands when it comes. */
async function* missing(
  { journal: { hold } }: ReplayDeps,
  { from, to }: Held,
  which: 'whole' | 'part',
): AsyncGenerator<NewErasure> {
  for await (const page of newErasures({ journal: hold.journal, from, to })) {
    const erasures = page.filter((erasure) => isPart(erasure) === (which === 'part'))
    const standings = await standingsOf(hold, erasures)
    yield* erasures.filter((_, at) => standings[at] === 'missing')
  }
}

/** A hook that fails keeps nobody else from being erased: behind its fence, a person waits for it. */
async function tried(run: () => Promise<void>): Promise<unknown> {
  try {
    return await run()
  } catch (error) {
    if (isPrivityError(error, 'erasure_incomplete')) return error
    throw error
  }
}

/** The same erasure, in the store as it is now. One that another fence stands before is finished under that one. */
async function replayOne(
  deps: ReplayDeps,
  erasure: NewErasure,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { deps: rows, now } = deps.vault.people
  const { subjectId } = erasure
  const fenced = await fencedNow(rows, subjectId)
  const known = fenced?.fence.erasureId ?? erasure.erasureId
  // Erased, but for keys that somebody brought back.
  if (fenced?.sections.length === 0 && (await endOf(rows, known)) === 'completed') {
    await destroyKeys(rows, { erasureId: known, subjectId }, now())
    return
  }
  const erasureId = await idAgain(rows, known)
  const asked = jobOf({ ...erasure, erasureId }, now())
  const begun = await beginAgain(deps, { asked, fenced })
  // A copy of before the fence does not say of which groups: that was found out behind it.
  const open = advanceJob(begun, groupsOf(erasure, { groups: begun.job.groups ?? [] }))
  // A plan of before names all of them, and would wait for one that is not there.
  const isPlanned = open.job.step !== 'asked'
  const hooks = deps.hooks.filter(({ replay }) => isPlanned || replay !== 'skip')
  await proceed({ ...deps, hooks }, open, { signal })
}

/** What could still be taken back in the copy cannot be any more: neither in its grace nor for what is kept. */
async function beginAgain(
  { vault }: ReplayDeps,
  { asked, fenced }: { readonly asked: Job; readonly fenced: Fenced | undefined },
): Promise<OpenJob> {
  const { deps: rows, now } = vault.people
  const [sealed] = await rows.store.read([rows.keyspace.job(asked.erasureId)])
  if (fenced === undefined || sealed === undefined) return saveJob(rows, { job: asked, sealed }, {})
  // Whoever is behind a fence is not planned for with what is there: the plan stays what it was.
  const found = openJob(rows, asked.erasureId, sealed)
  const { inventory, graceUntil } = found.job
  return saveJob(rows, found, {
    step: inventory === undefined ? 'asked' : 'planned',
    wanted: true,
    isReplayed: true,
    ...(graceUntil === undefined ? {} : { graceUntil: Math.min(graceUntil, now()) }),
  })
}

function jobOf({ erasureId, subjectId, suppress, groups }: NewErasure, plannedAt: number): Job {
  return {
    erasureId,
    subjectId,
    reason: 'replay',
    hooks: [],
    plannedAt,
    step: 'asked',
    wanted: true,
    isReplayed: true,
    ...(suppress === undefined ? {} : { suppress }),
    ...(groups === undefined ? {} : { groups }),
  }
}

interface Run extends Pick<Replayed, 'replayed' | 'parts' | 'startedAt'> {
  /** What kept one of them from its end. */
  readonly failed: unknown
}

/** Looked at once more before anybody certifies it. */
async function finish(
  { journal: { hold, sign }, vault }: ReplayDeps,
  { replayed, parts, startedAt, failed }: Run,
): Promise<string> {
  const held = await holdAgainst(hold)
  if (held.behind > 0) throw failed ?? new PrivityError('replay_required', { behind: held.behind })
  if (failed !== undefined) {
    await advanceMark(hold, { settled: held.settled, seen: held.to }, undefined)
    throw failed
  }
  const { keyspace, controller, ledger } = vault.people.deps
  const replayId = randomId()
  const { note: checkpoint } = await ledger.head()
  const completedAt = vault.people.now()
  const certificate = await sign({
    ...held,
    replayId,
    replayed,
    parts,
    startedAt,
    completedAt,
    checkpoint,
  })
  const key = keyspace.certificate(replayId)
  const certificateHash = toBase64url(sha256(utf8(certificate)))
  await advanceMark(
    hold,
    { settled: held.settled, seen: held.to },
    {
      event: { type: 'journal.replayed', replayId, seq: held.to.seq, certificateHash },
      put: [[key, controller.seal(key, utf8(certificate))]],
    },
  )
  return certificate
}
