import { invalidInput } from '../../base/errors.ts'
import { membersOf } from '../../base/members.ts'
import type { ScrubOptions } from './scrub.ts'
import type { SetupOptions } from './setup.ts'

/** Values that each setting may have. */
const SETTINGS = {
  synchronous: ['full', 'normal'],
  singleConnection: [true, false],
  scrub: ['rewrite', 'checkpoint'],
} as const satisfies { readonly [N in keyof (SetupOptions & ScrubOptions)]-?: readonly unknown[] }

type Name = keyof typeof SETTINGS
const NAMES = Object.keys(SETTINGS) as readonly Name[]

/**
 * Reads the settings once; a misspelt one must not weaken what the app relies on.
 *
 * @throws {@link invalid_input}
 */
export function parseSettings(options: unknown): SetupOptions & ScrubOptions {
  if (options === undefined) return Object.freeze({})
  const given = membersOf(options, NAMES, ['options'])
  const set = NAMES.filter((name) => given[name] !== undefined)
  const wrong = set.find((name) => !(SETTINGS[name] as readonly unknown[]).includes(given[name]))
  if (wrong !== undefined) throw invalidInput(['options', wrong], 'not_a_setting')
  return Object.freeze(Object.fromEntries(set.map((name) => [name, given[name]])))
}
