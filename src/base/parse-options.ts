import type * as z from 'zod/mini'
import { type Defined, defined } from './defined.ts'
import { parseInput } from './parse.ts'

/**
 * Checks options of the app, all of which may be left out; what is given as undefined is left out of them.
 *
 * @throws {@link invalid_input}
 */
export function parseOptions<S extends z.core.$ZodObject>(
  schema: S,
  options: unknown,
): Defined<z.output<S>> {
  return options === undefined ? {} : defined(parseInput(schema, options))
}
