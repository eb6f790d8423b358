import { gunzipSync } from 'node:zlib'

const BLOCK = 512
const REGULAR_FILES: readonly string[] = ['0', '\0']

/** Regular files of an npm tarball by path, without the leading `package/`. */
export function readTarball(bytes: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const tar = gunzipSync(bytes)
  const files = new Map<string, Uint8Array>()
  for (let at = 0; at + BLOCK <= tar.length; ) {
    const header = tar.subarray(at, at + BLOCK)
    const name = field(header, 0, 100)
    if (name === '') break
    const size = Number.parseInt(field(header, 124, 12), 8)
    const path = [field(header, 345, 155), name].filter((part) => part !== '').join('/')
    const start = at + BLOCK
    if (REGULAR_FILES.includes(String.fromCharCode(header[156] ?? 0))) {
      files.set(path.replace(/^package\//, ''), tar.subarray(start, start + size))
    }
    at = start + Math.ceil(size / BLOCK) * BLOCK
  }
  return files
}

/** A header field up to its first zero byte. */
function field(header: Uint8Array, start: number, length: number): string {
  const text = Buffer.from(header.subarray(start, start + length)).toString('latin1')
  return (text.split('\0')[0] ?? '').trim()
}
