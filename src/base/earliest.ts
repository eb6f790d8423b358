/** The earliest of some times, however many there are: a call takes some 100,000 arguments, and then throws. Pure. */
export function earliest(times: readonly number[]): number | undefined {
  return times.reduce<number | undefined>(
    (first, time) => (first === undefined || time < first ? time : first),
    undefined,
  )
}

/** The latest of some times, however many there are. Pure. */
export function latest(times: readonly number[]): number | undefined {
  return times.reduce<number | undefined>(
    (last, time) => (last === undefined || time > last ? time : last),
    undefined,
  )
}
