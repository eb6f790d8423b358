/** One thing to measure: what it takes to set up, and who takes turns. */
export interface Bench {
  readonly name: string
  readonly title: string
  /** What is measured, what is left out. */
  readonly notes: readonly string[]
  setUp(folder: string): Promise<Contest>
}

/** Candidates over one set-up. Each is held against the floor that it names. */
export interface Contest {
  readonly candidates: readonly Candidate[]
  /** Told once the rounds are over, for what cannot be known before. */
  readonly remarks?: (results: readonly Result[]) => readonly string[]
  close(): Promise<void>
}

export interface Candidate {
  readonly name: string
  /** Name of the candidate that it is compared with; a floor has none. */
  readonly floor?: string
  /** Operations in one run. */
  readonly ops: number
  /** Not measured. */
  before?(): Promise<void>
  run(): Promise<void>
}

/** Microseconds per operation, over the rounds. */
export interface Result {
  readonly candidate: Candidate
  readonly median: number
  readonly min: number
  readonly max: number
  /** Median of the processor time, of all threads of the process. */
  readonly cpu: number
}

const WARM_UP = 2

/** Lets all candidates take turns in every round, so that whatever slows the machine slows them all. */
export async function compare({ candidates }: Contest, rounds: number): Promise<readonly Result[]> {
  const samples = new Map<Candidate, Sample[]>(candidates.map((candidate) => [candidate, []]))
  for (let round = -WARM_UP; round < rounds; round += 1) {
    for (const candidate of rotated(candidates, round + WARM_UP)) {
      const sample = await measure(candidate)
      if (round >= 0) samples.get(candidate)?.push(sample)
    }
  }
  return [...samples].map(([candidate, taken]) => {
    const [times, cpus] = [sorted(taken, 'elapsed'), sorted(taken, 'cpu')]
    const [min = 0] = times
    return { candidate, min, median: medianOf(times), max: times.at(-1) ?? 0, cpu: medianOf(cpus) }
  })
}

/** The table of a contest, as lines. */
export function toLines(results: readonly Result[]): readonly string[] {
  const header = ['', 'µs/op', 'min', 'max', 'cpu', 'of floor']
  const rows = results.map(({ candidate, median, min, max, cpu }) => {
    const floor = results.find((other) => other.candidate.name === candidate.floor)
    const share = floor === undefined ? 'floor' : `${toShare(floor.median / median)}x`
    return [candidate.name, ...[median, min, max, cpu].map(toText), share]
  })
  const widths = header.map((_, at) =>
    Math.max(...[header, ...rows].map((row) => row[at]?.length ?? 0)),
  )
  return [header, ...rows].map((row) =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  '),
  )
}

/** Microseconds per operation. */
interface Sample {
  readonly elapsed: number
  readonly cpu: number
}

async function measure({ before, run, ops }: Candidate): Promise<Sample> {
  await before?.()
  const [started, used] = [performance.now(), process.cpuUsage()]
  await run()
  const elapsed = ((performance.now() - started) * 1_000) / ops
  const { user, system } = process.cpuUsage(used)
  return { elapsed, cpu: (user + system) / ops }
}

function sorted(samples: readonly Sample[], of: keyof Sample): readonly number[] {
  return samples.map((sample) => sample[of]).toSorted((a, b) => a - b)
}

function medianOf(ordered: readonly number[]): number {
  return ordered[ordered.length >> 1] ?? 0
}

function rotated<T>(items: readonly T[], by: number): readonly T[] {
  const at = by % items.length
  return [...items.slice(at), ...items.slice(0, at)]
}

/** Two digits that count. */
function toShare(share: number): string {
  return share < 0.1 ? share.toFixed(3) : share.toFixed(2)
}

function toText(microseconds: number): string {
  return microseconds < 100 ? microseconds.toFixed(2) : Math.round(microseconds).toString()
}
