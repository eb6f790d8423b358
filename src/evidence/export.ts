import { utf8 } from '../base/bytes.ts'
import { type Clock, toInstant } from '../base/time.ts'
import { signNote } from '../crypto/note.ts'
import type { Log } from '../ledger/log.ts'
import type { LogHead } from '../ledger/log-head.ts'
import type { SigningKeys } from '../startup/signing-keys.ts'
import { exportAccesses, type ExportedWriter, findWriters } from './export-accesses.ts'
import { createDisclosure } from './export-bodies.ts'
import {
  controllerDiscloser,
  type Disclosed,
  type DiscloseDeps,
  openDisclosed,
  type Told,
} from './export-disclosers.ts'
import { exportLog } from './export-log.ts'
import { parseExportOptions } from './export-options.ts'
import { formatManifest } from './manifest.ts'
import { publicKeysOf } from './public-keys.ts'
import { tarEnd, tarFile } from './tar.ts'
import { folderOf } from './tiles.ts'

/** What an export needs. */
export interface ExportDeps extends DiscloseDeps {
  readonly signing: SigningKeys
  readonly clock: Clock
  /** Makes the accesses durable that are only in memory. */
  readonly flush?: (() => Promise<void>) | undefined
}

/**
 * Everything that the log shows, as one archive for `verifyEvidence`: the same bytes for the same log, time
 * and options. Entries that are added meanwhile are not in it.
 *
 * @throws {@link invalid_input} for wrong options
 * @throws {@link not_found} when a person was never registered
 * @throws {@link erased} when a person was erased, also when that happens meanwhile
 * @throws {@link ledger_inconsistent} when the log is not what was signed
 */
export async function* exportEvidence(
  deps: ExportDeps,
  options: unknown,
): AsyncGenerator<Uint8Array> {
  const { subjects, controller, signal, onProgress } = parseExportOptions(options)
  signal?.throwIfAborted()
  const { store, ledger } = deps
  await deps.flush?.()
  await ledger.drain()
  // People before the head: what is known of them is then in the log.
  const people = await openDisclosed(deps, subjects)
  const logs: { readonly log: Log; readonly head: LogHead }[] = []
  for (const { log, head } of ledger.shards) logs.push({ log, head: await head() })
  const own = controller ? logs.slice(0, 1).map(({ head }) => controllerDiscloser(deps, head)) : []
  const writers = await findWriters(deps, people)
  yield tarFile('manifest', utf8(await signManifest(deps, { logs, people, own, writers })))
  const disclosure = createDisclosure({ store, origin: ledger.log.origin }, [...people, ...own])
  for (const [number, log] of logs.entries()) {
    const folder = folderOf(number)
    yield* exportLog({ ...log, folder, store, signal, onProgress }, disclosure)
  }
  await disclosure.close()
  for (const writer of writers) {
    signal?.throwIfAborted()
    yield* exportAccesses(deps, people, writer)
  }
  yield tarEnd()
}

interface Contents {
  readonly logs: readonly { readonly head: LogHead }[]
  readonly people: readonly Disclosed[]
  /** The controller, if it is disclosed. */
  readonly own: readonly Told[]
  readonly writers: readonly ExportedWriter[]
}

async function signManifest(
  { ledger, signing, clock, origin }: ExportDeps,
  { logs, people, own, writers }: Contents,
): Promise<string> {
  const { log } = ledger
  const { verifierKeys, jwks } = publicKeysOf(signing, ledger, origin)
  const text = formatManifest({
    origin: log.origin,
    sizes: logs.map(({ head }) => head.range.size),
    exportedAt: toInstant(clock.now()),
    verifierKeys,
    jwks,
    controllerKey: own[0]?.tagKey(),
    subjects: people.map(({ id, tagKey }, at) => ({
      id,
      tagKey: tagKey(),
      segments: writers.reduce((sum, { counts }) => sum + (counts[at] ?? 0), 0),
    })),
  })
  return signNote(text, log.origin, signing.current)
}
