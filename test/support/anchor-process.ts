// Runs in a process of its own: `anchor-process.ts <directory> <name> <times>`, without end when times is 0.
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { fileAnchor } from '../../src/anchors/file-anchor.ts'
import { anchoredNote, sizeOf } from './anchored-notes.ts'

const [directory = '', name = '', times] = process.argv.slice(2)
const anchor = fileAnchor(directory)
const many = Number(times) === 0 ? Number.POSITIVE_INFINITY : Number(times)

writeSync(1, 'ready\n')
await once(process.stdin, 'data')
process.stdin.destroy()

for (let moved = 0; moved < many; ) {
  const from = await anchor.read()
  const size = sizeOf(from) + 1
  if (!(await anchor.advance(from, anchoredNote(size, name)))) continue
  // Synchronous, so that what was accepted has left the process when it is killed.
  writeSync(1, `${size} ${name}\n`)
  moved += 1
}
