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
  readonly remarks?: () => readonly string[]
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
}

const WARM_UP = 2

/** Lets all candidates take turns in every round, so that whatever slows the machine slows them all. */
export async function compare({ candidates }: Contest, rounds: number): Promise<readonly Result[]> {
  const samples = new Map<Candidate, number[]>(candidates.map((candidate) => [candidate, []]))
  for (let round = -WARM_UP; round < rounds; round += 1) {
    for (const candidate of rotated(candidates, round + WARM_UP)) {
      const microseconds = await measure(candidate)
      if (round >= 0) samples.get(candidate)?.push(microseconds)
    }
  }
  return [...samples].map(([candidate, taken]) => {
    const sorted = taken.toSorted((a, b) => a - b)
    const [min = 0] = sorted
    return { candidate, min, median: sorted[sorted.length >> 1] ?? 0, max: sorted.at(-1) ?? 0 }
  })
}

/** The table of a contest, as lines. */
export function toLines(results: readonly Result[]): readonly string[] {
  const header = ['', 'µs/op', 'min', 'max', 'of floor']
  const rows = results.map(({ candidate, median, min, max }) => {
    const floor = results.find((other) => other.candidate.name === candidate.floor)
    const share = floor === undefined ? 'floor' : `${toShare(floor.median / median)}x`
    return [candidate.name, ...[median, min, max].map(toText), share]
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

async function measure({ before, run, ops }: Candidate): Promise<number> {
  await before?.()
  const started = performance.now()
  await run()
  return ((performance.now() - started) * 1_000) / ops
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
