import { PrivityError } from '../base/errors.ts'
import { closedRooms, type Rooms } from './closed-rooms.ts'

/** Open rooms, unless the store lacks erasures of its journal. */
export async function roomsFor(
  held: { readonly behind: number } | undefined,
  open: () => Promise<Rooms>,
): Promise<Rooms> {
  return held === undefined || held.behind === 0 ? open() : replayRooms(held.behind, open)
}

/**
 * The rooms of a store that lacks erasures of its journal: whoever was erased since stands in it again. Nobody is
 * read or written until they are erased again. The log itself is sound, so that a person's withdrawal is recorded at
 * once.
 */
function replayRooms(behind: number, open: () => Promise<Rooms>): Rooms {
  let opening: Promise<Rooms> | undefined
  const rooms = (): Promise<Rooms> => {
    // Behind the closed doors, and only when somebody comes to replay or to withdraw.
    opening ??= open().catch((error: unknown) => {
      opening = undefined
      throw error
    })
    return opening
  }
  const guard = { check: () => refuse(behind) }
  const closed = closedRooms(guard, async (...ask) => (await rooms()).consent.withdraw(...ask))
  return {
    ...closed,
    erasure: {
      ...closed.erasure,
      replay: async (options) => (await rooms()).erasure.replay(options),
    },
    check: guard.check,
    drain: async () => {
      await (await opening)?.drain()
    },
  }
}

function refuse(behind: number): never {
  throw new PrivityError('replay_required', { behind })
}
