import { createHash } from 'node:crypto'

/** A note that is a checkpoint in form, by somebody; its signature is nothing. Anchors do not verify it. */
export function anchoredNote(size: number, by = ''): string {
  const root = createHash('sha256').update(by).digest('base64')
  const line = `— example.com/log ${Buffer.alloc(68).toString('base64')}`
  return `example.com/log\n${size}\n${root}\n\n${line}\n`
}

export function sizeOf(note: string | undefined): number {
  return Number(note?.split('\n')[1] ?? 0)
}
