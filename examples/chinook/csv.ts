/** A record by column name; an empty field is absent. */
export interface CsvRow {
  readonly [column: string]: string | undefined
}

// A quoted or a bare field, and what ends it. Unrolled, so that no input makes it backtrack.
const FIELD = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\r?\n|$)/y

/**
 * Reads CSV by RFC 4180: the first record names the columns, and every other one has as many fields.
 * What is no CSV throws, with its line and without its content.
 */
export function parseCsv(text: string): readonly CsvRow[] {
  const [columns, ...records] = readRecords(text)
  if (columns === undefined || new Set(columns).size < columns.length || columns.includes('')) {
    throw new SyntaxError('line 1: columns need names, each its own')
  }
  return records.map((fields, index) => {
    if (fields.length !== columns.length) {
      throw new SyntaxError(`record ${index + 1}: ${fields.length} fields for ${columns.length}`)
    }
    const cells = fields.map(
      (field, at) => [columns[at], field === '' ? undefined : field] as const,
    )
    return Object.fromEntries(cells)
  })
}

/** The field of a column that may not be empty. */
export function required(row: CsvRow, column: string): string {
  const value = row[column]
  if (value === undefined) throw new SyntaxError(`no ${column}`)
  return value
}

function readRecords(text: string): readonly (readonly string[])[] {
  const records: string[][] = []
  let fields: string[] = []
  for (let at = 0; at < text.length || fields.length > 0; at = FIELD.lastIndex) {
    FIELD.lastIndex = at
    const [match, quoted, bare = '', end] = FIELD.exec(text) ?? []
    if (match === undefined) throw new SyntaxError(`line ${lineOf(text, at)}: not a field`)
    fields.push(quoted?.replaceAll('""', '"') ?? bare)
    if (end === ',') continue
    records.push(fields)
    fields = []
  }
  return records
}

function lineOf(text: string, at: number): number {
  return text.slice(0, at).split('\n').length
}
