import { overMemory, type RegisterSuite } from './over-memory.ts'

/** Overlooks where a page is to begin, and gives the first one for ever. */
export const endlessPages: RegisterSuite = overMemory((right) => ({
  scan: async (prefix, { limit }) => right.scan(prefix, { limit }),
}))
