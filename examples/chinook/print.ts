const WIDTH = 80
const CELL = 40

/** A chapter of the story. */
export function heading(text: string): void {
  console.log(`\n${text}\n${'-'.repeat(Math.min(text.length, WIDTH))}`)
}

/** A line of it. */
export function say(text: string): void {
  console.log(text)
}

/** Columns as wide as what is in them; numbers stand to the right. */
export function table(rows: readonly (readonly (string | number)[])[], cell: number = CELL): void {
  const texts = rows.map((row) => row.map((value) => shorten(String(value), cell)))
  const widths = (texts[0] ?? []).map((_, at) => Math.max(...texts.map((row) => length(row[at]))))
  rows.forEach((row, index) => {
    const cells = row.map((value, at) => {
      const text = texts[index]?.[at] ?? ''
      const space = ' '.repeat((widths[at] ?? 0) - length(text))
      return typeof value === 'number' ? space + text : text + space
    })
    console.log(`  ${cells.join('  ').trimEnd()}`)
  })
}

/** Ends the story: what it says must be so. */
export function check(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(`not as expected: ${what}`)
}

function shorten(text: string, cell: number): string {
  const characters = [...text]
  return characters.length <= cell ? text : `${characters.slice(0, cell - 1).join('')}…`
}

/** What people count as characters, near enough for a table. */
function length(text: string | undefined): number {
  return [...(text ?? '')].length
}
