import type { Row } from '../../src/storage/store.ts'
import { type RegisterSuite, overMemory } from './over-memory.ts'

/** `key LIKE prefix || '%'` without escapes: `_` and `%` of the prefix match anything. */
export const wildcardScan: RegisterSuite = overMemory((right) => ({
  scan: async (prefix, { after, limit }) => {
    await right.scan(prefix, { after, limit })
    const all: Row[] = []
    let page: readonly Row[] = []
    do {
      page = await right.scan('', { after: all.at(-1)?.[0], limit: 1_000 })
      all.push(...page)
    } while (page.length === 1_000)
    const pattern = likePattern(prefix)
    const found = all.filter(([key]) => pattern.test(key) && (after === undefined || key > after))
    return found.slice(0, limit)
  },
}))

function likePattern(prefix: string): RegExp {
  const parts = Array.from(prefix, (character) => {
    if (character === '%') return '.*'
    if (character === '_') return '.'
    return character.replace(/[\\^$.*+?()[\]{}|]/, '\\$&')
  })
  return new RegExp(`^${parts.join('')}`)
}
