import { randomId } from '../base/id.ts'
import { PrivityError } from '../base/errors.ts'
import type { Anchor } from '../storage/anchor.ts'
import { type AnchorFile, type AnchorFiles, openFiles } from './anchor-files.ts'
import { parseAdvance } from './parse-advance.ts'

/** Older checkpoints that stay: a listing is not one moment, and so many cannot pass during one. */
const KEPT = 32
const ATTEMPTS = 10

/**
 * An anchor in a directory that exists, on a local disk (it needs hard links) which is not the database's and
 * is not set back with it. Several processes may share it. Node, Bun and Deno only.
 *
 * Each checkpoint is a file of the next number, written elsewhere, synced and linked, so that a crash at any
 * point leaves the old state or the new. There are no locks that could be left behind.
 *
 * @throws {@link invalid_input} for what is no path
 * @throws {@link not_supported} in a runtime without files
 * @example
 * ```ts
 * import { mkdirSync } from 'node:fs'
 * import { fileAnchor } from 'privity'
 *
 * mkdirSync('/tmp/privity-anchor', { recursive: true })
 * const anchor = fileAnchor('/tmp/privity-anchor')
 * console.log(await anchor.read()) // undefined
 * ```
 */
export function fileAnchor(directory: string): Anchor {
  const files = openFiles(directory)
  return {
    read: async () => (await readNewest(files))?.text,
    advance: (from, to) => advance(files, from, to),
  }
}

interface Newest {
  readonly number: number
  readonly text: string
}

async function readNewest(files: AnchorFiles): Promise<Newest | undefined> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const number = newestOf(await files.list())
    if (number === 0) return undefined
    const text = await files.read({ number })
    if (text !== undefined) return { number, text }
  }
  throw new PrivityError('store_unavailable', { reason: 'busy' })
}

async function advance(files: AnchorFiles, from: string | undefined, to: string): Promise<boolean> {
  parseAdvance(from, to)
  const newest = await readNewest(files)
  if (newest?.text !== from) return false
  const number = (newest?.number ?? 0) + 1
  const draft = randomId()
  try {
    await files.write({ number, draft }, to)
    if (!(await files.link({ number, draft }))) return false
  } finally {
    await files.remove({ number, draft })
  }
  return settle(files, number)
}

/**
 * A number is free again once it was removed as old. Whoever slept so long that it could be linked a second
 * time is told by those that came after it.
 */
async function settle(files: AnchorFiles, number: number): Promise<boolean> {
  try {
    await files.sync()
    const found = await files.list()
    const oldest = newestOf(found) - KEPT
    for (const file of found.filter((one) => one.number <= oldest)) await files.remove(file)
    return number > oldest
  } catch {
    throw new PrivityError('outcome_unknown', {})
  }
}

/** 0 when there is none. */
function newestOf(found: readonly AnchorFile[]): number {
  const numbered = found.filter(({ draft }) => draft === undefined)
  return numbered.reduce((newest, { number }) => Math.max(newest, number), 0)
}
