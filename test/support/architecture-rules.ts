import { checkAdapters } from './architecture/adapters.ts'
import { checkCaps } from './architecture/caps.ts'
import { checkCycles } from './architecture/cycles.ts'
import { checkEntries } from './architecture/entries.ts'
import { checkErrorCodes, type ReservedCodes } from './architecture/error-codes.ts'
import { checkLayers } from './architecture/layers.ts'
import { checkMetrics } from './architecture/metrics.ts'
import { parseUnits, type ProjectFiles, type Violation } from './architecture/model.ts'
import { checkPackages } from './architecture/packages.ts'
import { checkSyntax } from './architecture/syntax.ts'
import { checkWords } from './architecture/words.ts'

/** Codes that have a name in the catalogue before anything throws them. */
const RESERVED_CODES: ReservedCodes = {}

/** Every rule of the style page that a program can decide, over a whole project. */
export function checkSource(
  files: ProjectFiles,
  reserved: ReservedCodes = RESERVED_CODES,
): readonly Violation[] {
  const units = parseUnits(files)
  return [
    ...checkLayers(units),
    ...checkEntries(units),
    ...checkPackages(units),
    ...checkCycles(units),
    ...checkCaps(units),
    ...checkMetrics(units),
    ...checkSyntax(units),
    ...checkWords(files),
    ...checkAdapters(files),
    ...checkErrorCodes(files, units, reserved),
  ]
}
