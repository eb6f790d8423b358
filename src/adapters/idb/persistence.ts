import { systemClock } from '../../base/time.ts'
import type { IdbStoreOptions } from './settings.ts'

/** Firefox asks the person, who may take longer than a start should. */
const PATIENCE_MS = 1_000

/** Whether the browser may evict the data, and what came of asking it not to; in words for people. */
export async function persistence({ persist }: Required<IdbStoreOptions>): Promise<string> {
  const { storage } = navigator as { readonly storage?: Partial<StorageManager> }
  const asked = persist ? await ask(storage) : undefined
  const kept = await answerOf(() => storage?.persisted?.())
  const eviction = KEPT[String(kept)] ?? 'eviction not known'
  return asked === undefined ? eviction : `${eviction}, persist ${asked}`
}

const KEPT: { readonly [answer: string]: string } = {
  true: 'storage persistent',
  false: 'storage best-effort',
}

async function ask(storage: Partial<StorageManager> | undefined): Promise<string> {
  // Workers, and pages without TLS, have no such method.
  if (storage?.persist === undefined) return 'not offered'
  const unanswered = systemClock().rest(PATIENCE_MS)
  const granted = await Promise.race([answerOf(() => storage.persist?.()), unanswered])
  if (granted === undefined) return 'unanswered'
  return granted ? 'granted' : 'refused'
}

async function answerOf(
  question: () => Promise<boolean> | undefined,
): Promise<boolean | undefined> {
  try {
    return await question()
  } catch {
    return undefined
  }
}
