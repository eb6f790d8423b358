/** A file of an archive. */
export interface TarFile {
  readonly name: string
  readonly contents: Uint8Array
}

const BLOCK = 512

/** Reads an archive as POSIX describes it, apart from the code under test. */
export function readTar(archive: Uint8Array): readonly TarFile[] {
  const files: TarFile[] = []
  for (let at = 0; ; ) {
    const header = archive.subarray(at, at + BLOCK)
    if (header.every((byte) => byte === 0)) return files
    const size = Number.parseInt(textOf(header, 124, 12), 8)
    const contents = archive.slice(at + BLOCK, at + BLOCK + size)
    files.push({ name: textOf(header, 0, 100), contents })
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK
  }
}

/** Writes an archive; `edit` may change each header before its checksum is made. */
export function writeTar(
  files: readonly TarFile[],
  edit: (header: Uint8Array, index: number) => void = () => undefined,
): Uint8Array {
  const parts = files.flatMap(({ name, contents }, index) => {
    const header = headerOf(name, contents.length)
    edit(header, index)
    return [checked(header), contents, new Uint8Array(-contents.length & (BLOCK - 1))]
  })
  return join([...parts, new Uint8Array(2 * BLOCK)])
}

/** One array of all pieces. */
export function join(pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces))
}

function headerOf(name: string, size: number): Uint8Array {
  const header = Buffer.alloc(BLOCK)
  header.write(name, 0)
  header.write('0000644', 100)
  header.write('0000000', 108)
  header.write('0000000', 116)
  header.write(size.toString(8).padStart(11, '0'), 124)
  header.write('00000000000', 136)
  header.write('0', 156)
  header.write('ustar\x0000', 257)
  header.write('0000000', 329)
  header.write('0000000', 337)
  return new Uint8Array(header)
}

function checked(header: Uint8Array): Uint8Array {
  const copy = Buffer.from(header)
  copy.fill(' ', 148, 156)
  const sum = copy.reduce((total, byte) => total + byte, 0)
  copy.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return new Uint8Array(copy)
}

function textOf(header: Uint8Array, at: number, length: number): string {
  const field = Buffer.from(header.subarray(at, at + length))
  return field.toString('latin1').replace(/\0.*$/s, '')
}
