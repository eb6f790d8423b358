import { invalidInput, isPrivityError, PrivityError } from '../base/errors.ts'
import { membersOf } from '../base/members.ts'
import { nodeFiles } from '../base/platform.ts'
import type { ErasureHook, HookContext, HookOutcome } from '../erasure/hook.ts'
import { createFolders, type Folders } from './folders.ts'
import { type PartialOption, partialOf } from './partial-of.ts'
import { idOf, isOneStep, type PersonKey, parsePersonKey } from './person-key.ts'

/** Where the files of people are. */
export interface FilesOptions extends PartialOption {
  /** Id of the hook. */
  readonly id: string
  /** A directory in which each person has one that is named by the person's id. */
  readonly directory: string
  /** By which id they are named. Default: `externalId`. */
  readonly key?: PersonKey
}

const NAMES = ['id', 'directory', 'key', 'partial'] as const
/** Item of the plan: it says nothing of the person. */
const ITEM = 'files'

/**
 * Erases the directory of a person with all that is in it. No link is followed: links are removed, what they
 * point to stays. Ids that would lead out of the directory are refused. Node, Bun and Deno only.
 *
 * @throws {@link invalid_input} · @throws {@link not_supported} in a runtime without files
 * @example
 * ```ts
 * const hook = files({ id: 'uploads', directory: '/srv/shop/uploads' })
 * ```
 */
export function files(options: FilesOptions): ErasureHook {
  const { id, directory, key, partial } = membersOf(options, NAMES, ['options'])
  if (typeof directory !== 'string' || directory === '' || directory.includes('\0'))
    throw invalidInput(['directory'], 'not_a_path')
  const person = parsePersonKey(key, ['key'])
  const fs = nodeFiles()
  if (fs === undefined) throw new PrivityError('not_supported', { what: 'files' })
  const folders = createFolders(fs, directory)
  const nameOf = (context: HookContext): string | undefined => idOf(context, person)
  return Object.freeze({
    id: id as string,
    version: 1,
    ...partialOf(partial),
    plan: async (context: HookContext) => {
      const name = nameOf(context)
      if (name === undefined) return []
      const count = isOneStep(name) ? await folders.count(name) : 0
      return [{ id: ITEM, description: 'files of the person', count }]
    },
    execute: (_: unknown, context: HookContext) => remove(folders, nameOf(context)),
    verify: async (_: unknown, context: HookContext) => {
      const name = nameOf(context)
      if (name === undefined || !isOneStep(name)) return 'unknown' as const
      const residual = await folders.count(name)
      return residual === 0 ? ('absent' as const) : { residual }
    },
  })
}

async function remove(folders: Folders, name: string | undefined): Promise<HookOutcome> {
  if (name === undefined || !isOneStep(name)) return { blocked: 'unsafe_name' }
  try {
    return (await folders.remove(name)) ? 'done' : 'already_done'
  } catch (error) {
    if (!isPrivityError(error, 'store_unavailable')) throw error
    return { retryAfter: { hours: 1 }, why: error.details.reason }
  }
}
