/** The node:crypto module, as types only: nothing is imported. */
export type NodeCrypto = typeof import('node:crypto')

/** The node:fs/promises module, as types only. */
export type NodeFiles = typeof import('node:fs/promises')

/**
 * The node:crypto module where the runtime has one, else `undefined`. Asked at run time: a static
 * import would break bundles for browsers.
 */
export function nodeCrypto(): NodeCrypto | undefined {
  if (typeof process === 'undefined') return undefined
  // Shims of `process` in browser bundles lack the method.
  return process.getBuiltinModule?.('node:crypto')
}

/** The node:fs/promises module where the runtime has one, else `undefined`. */
export function nodeFiles(): NodeFiles | undefined {
  if (typeof process === 'undefined') return undefined
  return process.getBuiltinModule?.('node:fs/promises')
}

/** The node:os module where the runtime has one, else `undefined`. */
export function nodeOs(): typeof import('node:os') | undefined {
  if (typeof process === 'undefined') return undefined
  return process.getBuiltinModule?.('node:os')
}

/**
 * What to name where WebCrypto lacks something: a page without TLS has none of it, and a browser that could do
 * what was asked.
 */
export function lackOf(what: string): string {
  return typeof isSecureContext !== 'undefined' && !isSecureContext ? 'secure_context' : what
}

/** Resolves after the microtasks of this turn, and of those they start, have run. */
export function endOfTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') setImmediate(resolve)
    else if (typeof MessageChannel === 'function') postTask(resolve)
    else queueMicrotask(resolve)
  })
}

// A timer would do as well, but browsers hold nested timers back for 4 ms.
function postTask(task: () => void): void {
  const { port1, port2 } = new MessageChannel()
  port1.onmessage = () => {
    port1.close()
    task()
  }
  port2.postMessage(undefined)
}
