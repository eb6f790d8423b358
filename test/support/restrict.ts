import type { SubjectId } from 'privity'
import type { OpenVault } from './open-vault.ts'

/** Restricts the processing of a person, or lifts that: there is no call for it in the public interface yet. */
export async function restrict(
  { vault }: Pick<OpenVault, 'vault'>,
  id: SubjectId,
  since: number | undefined,
): Promise<void> {
  await vault.people.change<null>({
    id,
    request: { type: 'restrict', since: since ?? null },
    apply: (draft) => {
      const { restrictedAt: _, ...head } = draft.head
      draft.head = since === undefined ? head : { ...head, restrictedAt: since }
      return { event: { type: 'restrict', since: since ?? null }, value: null }
    },
  })
}
