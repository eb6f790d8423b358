import * as z from 'zod/mini'
import { abortSignal } from '../base/abort-signal.ts'
import { toHex, utf8 } from '../base/bytes.ts'
import { callback } from '../base/callback.ts'
import { invalidInput } from '../base/errors.ts'
import { ignoreThrown } from '../base/ignore-thrown.ts'
import { pick } from '../base/members.ts'
import { parseInput } from '../base/parse.ts'
import { sha256 } from '../crypto/hash.ts'
import { guardStore } from '../storage/guarded-store.ts'
import { createKeyspace, type Keyspace } from '../storage/keyspace.ts'
import type { Store } from '../storage/store.ts'

/** Whose rows are moved, and how that is watched and stopped. */
export interface MoveOptions {
  /** As `createPrivity` is given it; where it is given none, the id of the controller. */
  readonly tenant: string
  /** Ends the move with its reason. */
  readonly signal?: AbortSignal
  /** Called now and then with how many rows are moved, and how many bytes they hold. What it throws is ignored. */
  readonly onProgress?: (rows: number, bytes: number) => void
}

/** Options, checked. */
export interface ParsedMove {
  readonly store: Store
  readonly keyspace: Keyspace
  readonly tenantHash: string
  readonly signal: AbortSignal | undefined
  tell(rows: number, bytes: number): void
}

const METHODS = ['open', 'read', 'scan', 'commit', 'close'] as const
const MAX_TENANT = 256

const schema = z.strictObject({
  tenant: z.string().check(
    z.minLength(1),
    z.maxLength(MAX_TENANT),
    z.refine((tenant) => tenant.isWellFormed()),
  ),
  signal: abortSignal,
  onProgress: callback<MoveOptions['onProgress']>(),
})

/** @throws {@link invalid_input} */
export function parseMove(store: Store, options: MoveOptions): ParsedMove {
  const methods = pick(store, METHODS, ['store'])
  if (METHODS.some((name) => typeof methods[name] !== 'function'))
    throw invalidInput(['store'], 'not_a_store')
  const { tenant, signal, onProgress } = parseInput(schema, options)
  const tenantHash = toHex(sha256(utf8(tenant))).slice(0, 16)
  return {
    store: guardStore(store),
    keyspace: createKeyspace(tenantHash),
    tenantHash,
    signal,
    tell: (rows, bytes) => ignoreThrown(() => onProgress?.(rows, bytes)),
  }
}
