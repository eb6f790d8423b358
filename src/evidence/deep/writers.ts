import { writerLog } from '../../audit/writer.ts'
import { isPrivityError } from '../../base/errors.ts'
import type { Log } from '../../ledger/log.ts'
import { verifyLog } from '../../ledger/verify-log.ts'
import type { Key } from '../../storage/store.ts'
import type { Deep } from './deep.ts'
import { findStrays, lastUnder } from './strays.ts'

/** An access log, and how many segments it has. */
export interface FoundWriter {
  readonly writer: number
  readonly log: Log
  readonly size: number
}

const FAMILY = 'w/'
const NUMBER = /^([0-9a-f]{4})\//
const NAMES = ['e/', 'head', 'n/', 's/'] as const

/** Every writer of whom there is a row; whose log is not among those that were verified, is so now. */
export async function* findWriters(
  deep: Deep,
  verified: readonly Log[],
): AsyncGenerator<FoundWriter> {
  const prefix = deep.keyOf(FAMILY)
  for (let after: Key | undefined; ; ) {
    const options = { after, limit: 1 }
    const [row] = await deep.store.scan(prefix, options)
    if (row === undefined) return
    const [key] = row
    const [start, digits] = NUMBER.exec(key.slice(prefix.length)) ?? []
    after = start === undefined ? key : lastUnder(`${prefix}${start}`)
    if (start === undefined || digits === undefined) {
      deep.report({ key, kind: 'row_unexpected' })
      continue
    }
    for await (const stray of findStrays(deep.store, `${prefix}${start}`, NAMES)) {
      deep.report({ key: stray, kind: 'row_unexpected' })
    }
    const writer = Number.parseInt(digits, 16)
    const log = verified[writer] ?? (await verifyUnseen(deep, writerLog(deep, writer)))
    const size = await sizeOf(deep, log)
    if (size !== undefined) yield { writer, log, size }
  }
}

async function verifyUnseen({ store, options, report }: Deep, log: Log): Promise<Log> {
  const { signal } = options
  const { faults } = await verifyLog(store, log, signal === undefined ? {} : { signal })
  for (const fault of faults) report(fault)
  return log
}

/** As it is now; undefined when the head cannot be believed, which was said when the log was verified. */
export async function sizeOf({ store }: Deep, log: Log): Promise<number | undefined> {
  const [bytes] = await store.read([log.keys.head])
  if (bytes === undefined) return undefined
  try {
    return (await log.head(bytes)).range.size
  } catch (error) {
    if (isPrivityError(error, 'ledger_inconsistent')) return undefined
    throw error
  }
}
