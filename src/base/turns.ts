/** Runs what has the same name one after the other, in the order of arrival; what has another name, beside it. */
export type Turns = <T>(name: string, run: () => Promise<T>) => Promise<T>

/** Turns of one process. */
export function createTurns(): Turns {
  const last = new Map<string, Promise<unknown>>()
  return async (name, run) => {
    const before = last.get(name)
    const mine = before === undefined ? run() : before.then(run, run)
    last.set(name, mine)
    try {
      return await mine
    } finally {
      if (last.get(name) === mine) last.delete(name)
    }
  }
}
