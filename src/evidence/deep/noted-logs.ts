import { writerLog } from '../../audit/writer.ts'
import type { Log } from '../../ledger/log.ts'
import type { Key } from '../../storage/store.ts'
import type { ControllerFold } from './controller-fold.ts'
import type { Deep } from './deep.ts'
import { sizeOf } from './writers.ts'

const WRITER = /^w\/([0-9a-f]{4})\/head$/

/** Holds every other log against the longest that the main log was ever told of. */
export async function verifyNoted(
  deep: Deep,
  { noted }: ControllerFold,
  writers: readonly Log[],
): Promise<void> {
  const logs = new Map<Key, Log>(
    [...deep.ledger.shards.map(({ log }) => log), ...writers].map((log) => [log.keys.head, log]),
  )
  for (const [key, size] of noted) {
    const log = logs.get(key) ?? newcomer(deep, key)
    // Read after the entries: what was noted by then is there by now.
    const now = log === undefined ? 0 : ((await sizeOf(deep, log)) ?? 0)
    if (now < size) deep.report({ index: BigInt(now), key, kind: 'log_set_back' })
  }
}

/** An access log that was begun since the others were verified. */
function newcomer(deep: Deep, head: Key): Log | undefined {
  const [, number] = WRITER.exec(deep.nameOf(head)) ?? []
  return number === undefined ? undefined : writerLog(deep, Number.parseInt(number, 16))
}
