import { isBuiltin } from 'node:module'
import { importsOf, isRelative, type ImportRef } from './imports.ts'
import { roomOf } from './layers.ts'
import type { SourceUnit, Violation } from './model.ts'

/** Packages src may name, and the rooms that may. */
const ROOMS_OF_PACKAGE: { readonly [name: string]: readonly string[] } = {
  '@noble/ciphers': ['crypto'],
  '@noble/hashes': ['crypto'],
  jose: ['crypto'],
  idb: ['adapters', 'keys'],
}

/** zod's root costs 24 kB even when one function is used; these two shake. */
const SMALL_ZOD: readonly string[] = ['zod/mini', 'zod/v4/core']

export function checkPackages(units: readonly SourceUnit[]): readonly Violation[] {
  return units.flatMap((unit) =>
    importsOf(unit).flatMap((ref) => {
      const detail = specifierFault(unit, ref)
      return detail === undefined
        ? []
        : [{ rule: 'packages', path: unit.path, line: ref.line, detail }]
    }),
  )
}

function specifierFault(unit: SourceUnit, ref: ImportRef): string | undefined {
  const { specifier } = ref
  if (isRelative(specifier)) {
    return specifier.endsWith('.ts') ? undefined : `${specifier} does not end in .ts`
  }
  if (isBuiltin(specifier)) return builtinFault(ref)
  const name = packageName(specifier)
  if (name === 'zod') return zodFault(ref)
  const rooms = ROOMS_OF_PACKAGE[name]
  if (rooms === undefined) return `${specifier || 'a computed name'} is not a package of src`
  return rooms.includes(roomOf(unit.path)) ? undefined : `only ${rooms.join()} imports ${name}`
}

// `typeof import('node:crypto')` is erased and asks nothing of a bundler.
function builtinFault({ specifier, typeOnly, dynamic }: ImportRef): string | undefined {
  if (typeOnly && dynamic) return undefined
  return `${specifier} is reached through base/platform.ts`
}

function zodFault({ specifier, typeOnly, namespace }: ImportRef): string | undefined {
  if (typeOnly) return undefined
  if (!SMALL_ZOD.includes(specifier)) return `${specifier} is imported for types only`
  return namespace ? undefined : `${specifier} is imported as a namespace`
}

function packageName(specifier: string): string {
  const [first = '', second = ''] = specifier.split('/')
  return first.startsWith('@') ? `${first}/${second}` : first
}
