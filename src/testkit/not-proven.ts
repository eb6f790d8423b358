/** Registers one test: `test` of any runner. */
export type RegisterTest = (title: string, run: () => Promise<void>) => void

/** A test that cannot be run here. */
export interface Gap {
  readonly title: string
  /** What the suite was not given. */
  readonly needs: string
}

/**
 * Registers what a suite cannot try, and then a test whose title lists it all. They are skipped where the runner
 * can skip, because whoever counts what passed must not count them; elsewhere they pass under their titles.
 */
export function registerGaps(test: RegisterTest, gaps: readonly Gap[]): void {
  if (gaps.length === 0) return
  const register = skipOf(test) ?? test
  for (const { title, needs } of gaps) {
    register(`not proven, because the suite was given no ${needs}: ${title}`, notProven)
  }
  register(`not proven in all: ${summaryOf(gaps)}`, notProven)
}

// Passes where it is run: the title is the message.
async function notProven(): Promise<void> {}

function skipOf(test: RegisterTest): RegisterTest | undefined {
  const { skip } = test as { readonly skip?: RegisterTest }
  // Called on its runner, as an app would.
  return typeof skip === 'function' ? (title, run) => skip.call(test, title, run) : undefined
}

function summaryOf(gaps: readonly Gap[]): string {
  const needs = [...new Set(gaps.map((gap) => gap.needs))]
  return needs
    .map((need) => {
      const numbers = gaps
        .filter((gap) => gap.needs === need)
        .map(({ title }) => title.split(' ')[0])
      return `${[...new Set(numbers)].join(', ')} without ${need}`
    })
    .join('; ')
}
