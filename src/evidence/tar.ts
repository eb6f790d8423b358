import { concatBytes, fromUtf8, sameBytes, utf8 } from '../base/bytes.ts'

/** A file of an archive. */
export interface TarEntry {
  readonly name: string
  /** In bytes. */
  readonly size: number
}

/** Bytes of a block: an archive is a sequence of them. */
export const TAR_BLOCK = 512
/** What an archive ends in. */
const TAR_END_LENGTH: number = 2 * TAR_BLOCK

const NAME_LENGTH = 100
const SIZE = { start: 124, end: 136 } as const
const CHECKSUM = 148
/** So that every name is one string of bytes, and stays below the directory it is unpacked in. */
const NAME = /^[a-z0-9]+(?:[./][a-z0-9]+)*$/

/**
 * A file with its header and padding, as POSIX.1-1988 (ustar) has it. Owner, time and mode are always the
 * same, so that the same files give the same archive.
 */
export function tarFile(name: string, contents: Uint8Array): Uint8Array {
  const header = tarHeader({ name, size: contents.length })
  return concatBytes([header, contents, new Uint8Array(paddingOf(contents.length))])
}

/** The two empty blocks that end an archive. */
export function tarEnd(): Uint8Array {
  return new Uint8Array(TAR_END_LENGTH)
}

/** Reads a header strictly: undefined unless {@link tarFile} writes exactly this one. */
export function readTarHeader(block: Uint8Array): TarEntry | undefined {
  const end = block.indexOf(0)
  const name = end > NAME_LENGTH ? undefined : fromUtf8(block.subarray(0, end))
  if (name === undefined || !NAME.test(name)) return undefined
  const digits = fromUtf8(block.subarray(SIZE.start, SIZE.end - 1)) ?? ''
  const entry = { name, size: Number.parseInt(digits, 8) }
  // Nothing but a size is written as it was read.
  return sameBytes(block, tarHeader(entry)) ? entry : undefined
}

/** How many zeros fill the last block of a file. */
export function paddingOf(size: number): number {
  return (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK
}

function tarHeader({ name, size }: TarEntry): Uint8Array {
  const header = new Uint8Array(TAR_BLOCK)
  const fields = [
    [0, name],
    [100, '0000644\0'],
    [108, '0000000\0'],
    [116, '0000000\0'],
    [SIZE.start, `${octal(size, 11)}\0`],
    [SIZE.end, '00000000000\0'],
    // A checksum counts its own field as spaces.
    [CHECKSUM, '        '],
    [156, '0'],
    [257, 'ustar\x0000'],
    [329, '0000000\0'],
    [337, '0000000\0'],
  ] as const
  for (const [offset, text] of fields) header.set(utf8(text), offset)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.set(utf8(`${octal(sum, 6)}\0 `), CHECKSUM)
  return header
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0')
}
