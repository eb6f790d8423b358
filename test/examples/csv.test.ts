import { describe, expect, test } from 'vitest'
import { parseCsv } from '../../examples/chinook/csv.ts'

describe('the CSV reader of the example', () => {
  test.for([
    [
      'fields by column, with either line end',
      'a,b\r\n1,2\n3,4',
      [
        { a: '1', b: '2' },
        { a: '3', b: '4' },
      ],
    ],
    [
      'quotes, commas and lines inside quotes',
      'a,b\n"x ""y"", z","1\n2"\n',
      [{ a: 'x "y", z', b: '1\n2' }],
    ],
    ['empty fields as absent ones', 'a,b\n,1\n2,', [{ b: '1' }, { a: '2' }]],
    ['a header alone', 'a,b\n', []],
  ] as const)('reads %s', ([, text, rows]) => {
    expect(parseCsv(text)).toEqual(rows)
  })

  test.for([
    ['nothing at all', ''],
    ['two columns of one name', 'a,a\n1,2'],
    ['a column without a name', 'a,\n1,2'],
    ['a record that is too short', 'a,b\n1'],
    ['a record that is too long', 'a,b\n1,2,3'],
    ['an empty line', 'a,b\n1,2\n\n'],
    ['a quote inside a bare field', 'a,b\n1"x,2'],
    ['text behind a quoted field', 'a,b\n"x"y,2'],
    ['a quote that is never closed', 'a,b\n"x,2'],
    ['a line that ends with a carriage return alone', 'a,b\r1,2'],
  ] as const)('refuses %s', ([, text]) => {
    expect(() => parseCsv(text)).toThrow(SyntaxError)
  })

  test('says where a fault is, and not what stands there', () => {
    expect(() => parseCsv('name\nAnna "Ann" Berg')).toThrow(/^line 2: not a field$/)
  })

  test('takes no longer than the text, also where a quote is never closed', () => {
    expect(() => parseCsv(`a\n"${'x""'.repeat(100_000)}`)).toThrow(SyntaxError)
  })
})
