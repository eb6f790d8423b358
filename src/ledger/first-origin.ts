/** An accepted copy of a store goes on under names of its own. */
const RESTORED = /\/restored\/[1-9]\d*$/

/** The name that a log had at first. */
export function firstOrigin(origin: string): string {
  return origin.replace(RESTORED, '')
}
