import { canonicalBytes } from '../base/canonical.ts'
import type { ControllerEntry } from '../ledger/entry.ts'
import { encodeContainer } from '../storage/container.ts'
import type { Row } from '../storage/store.ts'
import type { People, PeopleDeps } from '../subjects/people.ts'
import { endOf } from './end-of.ts'
import { readFence } from './fence.ts'
import { type Erasing, liftKeyFence } from './fence-keys.ts'
import { sealJob } from './job.ts'

/**
 * Takes away the fence of an erasure that destroyed nothing, and its job: the keys first, and in one commit the
 * document, which is what it was byte by byte, the log and the job. May be done again, until that commit: whoever puts
 * the job back, and the fence before somebody whom another erasure destroyed since, must not have them lifted.
 */
export async function liftFence({ deps }: People, erasing: Erasing): Promise<void> {
  const { keyspace, ledger, clock, controller } = deps
  const { erasureId, subjectId } = erasing
  if ((await endOf(deps, erasureId)) !== undefined) return
  await liftKeyFence(deps, erasing)
  const [key, jobKey] = [keyspace.person(subjectId), keyspace.job(erasureId)]
  const endKey = keyspace.cancelled(erasureId)
  await ledger.submit<null>({
    reads: [key, jobKey, endKey],
    build: (rows) => {
      if (rows.get(endKey) !== undefined) return { kind: 'done', value: null }
      const fenced = readFence(deps, subjectId, rows.get(key))
      const isOurs = fenced?.fence.erasureId === erasureId && fenced.sections.length > 0
      if (!isOurs && rows.get(jobKey) === undefined) return { kind: 'done', value: null }
      const at = Math.max(clock.now(), fenced?.fence.at ?? 0)
      const end: Row = [endKey, controller.seal(endKey, canonicalBytes({ at, v: 1 }))]
      const document: Row[] = isOurs ? [[key, encodeContainer(fenced.sections)]] : []
      const put = [end, ...document, ...successorOf(deps, erasing)]
      const event = { type: 'erasure.cancelled', erasureId }
      const entry: ControllerEntry = { kind: 'controller', at, event }
      return { kind: 'change', change: { put, del: [jobKey], entry }, value: null }
    },
  })
}

/** What was asked for goes on under another id, and is lost by no crash. */
function successorOf(deps: PeopleDeps, { subjectId, instead }: Erasing): readonly Row[] {
  if (instead === undefined) return []
  const job = { ...instead, subjectId, hooks: [], step: 'asked', wanted: true } as const
  return [[deps.keyspace.job(instead.erasureId), sealJob(deps, job)]]
}
