import { paddingOf, readTarHeader, TAR_BLOCK, type TarEntry } from './tar.ts'
import { type ByteReader, readBytes } from './verify-bytes.ts'
import { type EvidenceReason, type RefusalError, refuse } from './verify-refusal.ts'

/** The files of an archive, one after the other; never more than one is in memory. */
export interface Archive {
  /** The next file; undefined at the end. */
  peek(): Promise<TarEntry | undefined>
  /** The contents of the file of this name, which must be the next and have `least` to `most` bytes. */
  take(name: string, most: number, least?: number): Promise<Uint8Array>
  /** Refuses whatever is there behind the last file. */
  end(): Promise<void>
  /** Names the file that the reader is at. */
  refuse(reason: EvidenceReason, index?: number): RefusalError
  /** Lets go of the source. */
  close(): void
}

/** Empty blocks behind the first: `tar` writes twenty blocks at a time, and fills the last of them. */
const MAX_END = 20

/** Reads an archive strictly, as {@link tarFile} writes it. */
export function openArchive(source: unknown, signal: AbortSignal | undefined): Archive {
  const bytes = readBytes(source, signal)
  let next: Promise<TarEntry | undefined> | undefined
  let place: { readonly file?: string } = {}
  const archive: Archive = {
    peek: async () => {
      next ??= readEntry(bytes)
      const entry = await next
      place = entry === undefined ? {} : { file: entry.name }
      return entry
    },
    take: async (name, most, least = 0) => {
      const entry = await archive.peek()
      if (entry?.name !== name) throw archive.refuse('unexpected_file')
      if (entry.size < least || entry.size > most) throw archive.refuse('malformed')
      const contents = await bytes.take(entry.size)
      if (!isZero(await bytes.take(paddingOf(entry.size)))) throw archive.refuse('not_an_archive')
      next = undefined
      return contents
    },
    end: async () => {
      if ((await archive.peek()) !== undefined) throw archive.refuse('unexpected_file')
      for (let blocks = 1; blocks < 2 || !(await bytes.isDone()); blocks += 1) {
        if (blocks > MAX_END || !isZero(await bytes.take(TAR_BLOCK)))
          throw archive.refuse('not_an_archive')
      }
    },
    refuse: (reason, index) =>
      refuse(reason, index === undefined ? place : { ...place, index: BigInt(index) }),
    close: () => bytes.close(),
  }
  return archive
}

async function readEntry(bytes: ByteReader): Promise<TarEntry | undefined> {
  const block = await bytes.take(TAR_BLOCK)
  if (isZero(block)) return undefined
  const entry = readTarHeader(block)
  if (entry === undefined) throw refuse('not_an_archive')
  return entry
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0)
}
