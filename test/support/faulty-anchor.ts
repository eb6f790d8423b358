import { type Anchor, memoryAnchor, PrivityError } from 'privity'

/** How one call of an anchor goes wrong. */
export type AnchorFault = (typeof ANCHOR_FAULTS)[number]

/** Every way in which a call can go wrong. */
export const ANCHOR_FAULTS = [
  'throws before',
  'throws something foreign',
  'throws after it was applied',
  'rejects late, and is applied later still',
  'says no although it was applied',
  'answers with garbage',
  'answers with something that is no text',
  'forgets for a moment',
] as const

/** An anchor that counts its calls; one of them goes wrong. */
export interface FaultyAnchor {
  readonly anchor: Anchor
  /** What it remembers, without a fault. */
  readonly inner: Anchor
  readonly calls: () => number
}

interface Call {
  readonly name: 'read' | 'advance'
  readonly run: () => Promise<unknown>
}

const FOREIGN = new RangeError('anna@example.com')

const FAULTS: { readonly [F in AnchorFault]: (call: Call) => Promise<unknown> } = {
  'throws before': async () => {
    throw new PrivityError('store_unavailable', { reason: 'away' })
  },
  'throws something foreign': async () => {
    throw FOREIGN
  },
  'throws after it was applied': async ({ run }) => {
    await run()
    throw new PrivityError('outcome_unknown', {})
  },
  'rejects late, and is applied later still': async ({ run }) => {
    await turns(3)
    void turns(3).then(run)
    throw new PrivityError('outcome_unknown', {})
  },
  'says no although it was applied': async ({ name, run }) => {
    const answer = await run()
    return name === 'advance' ? false : answer
  },
  'answers with garbage': async ({ name, run }) => {
    if (name === 'advance') await run()
    return name === 'advance' ? 'yes' : '<html>anna@example.com</html>'
  },
  'answers with something that is no text': async () => ({ length: 1 }),
  'forgets for a moment': async ({ name }) => (name === 'advance' ? false : undefined),
}

/** Goes wrong at the nth call, from 1. */
export function faultyAnchor(fault?: {
  readonly nth: number
  readonly kind: AnchorFault
}): FaultyAnchor {
  const inner = memoryAnchor()
  let calls = 0
  function meet<T>(call: Call): Promise<T> {
    calls += 1
    const run = fault !== undefined && calls === fault.nth ? FAULTS[fault.kind](call) : call.run()
    return run as Promise<T>
  }
  return {
    inner,
    calls: () => calls,
    anchor: {
      read: () => meet({ name: 'read', run: () => inner.read() }),
      advance: (from, to) => meet({ name: 'advance', run: () => inner.advance(from, to) }),
    },
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1)
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
}
