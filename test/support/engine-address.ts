import { inject } from 'vitest'
import type { EngineName } from './engines.ts'

/** How this worker reaches an engine, which is started if nobody asked for it before. */
export async function engineAddress(name: EngineName): Promise<unknown> {
  const response = await fetch(`${inject('engines')}/${name}`)
  if (!response.ok) throw new Error(`no ${name}: ${await response.text()}`)
  return response.json()
}
