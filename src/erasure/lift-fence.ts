import type { ControllerEntry } from '../ledger/entry.ts'
import { encodeContainer } from '../storage/container.ts'
import type { Row } from '../storage/store.ts'
import type { People } from '../subjects/people.ts'
import { readFence } from './fence.ts'
import { type Erasing, liftKeyFence } from './fence-keys.ts'

/**
 * Takes away the fence of an erasure that destroyed nothing, and its job: the keys first, and in one commit the
 * document, which is what it was byte by byte, the log and the job. May be done again.
 */
export async function liftFence({ deps }: People, erasing: Erasing): Promise<void> {
  const { keyspace, ledger, clock } = deps
  const { erasureId, subjectId } = erasing
  await liftKeyFence(deps, erasing)
  const [key, jobKey] = [keyspace.person(subjectId), keyspace.job(erasureId)]
  await ledger.submit<null>({
    reads: [key, jobKey],
    build: (rows) => {
      const document = rows.get(key)
      const fenced = document === undefined ? undefined : readFence(deps, subjectId, document)
      const isOurs = fenced?.fence.erasureId === erasureId && fenced.sections.length > 0
      if (!isOurs && rows.get(jobKey) === undefined) return { kind: 'done', value: null }
      const put: readonly Row[] = isOurs ? [[key, encodeContainer(fenced.sections)]] : []
      const at = Math.max(clock.now(), fenced?.fence.at ?? 0)
      const event = { type: 'erasure.cancelled', erasureId }
      const entry: ControllerEntry = { kind: 'controller', at, event }
      return { kind: 'change', change: { put, del: [jobKey], entry }, value: null }
    },
  })
}
