import type { Actor, ErasureHook, Relationship, SubjectId } from 'privity'
import type { Employee } from './data.ts'

/** Which employee looks after whom: the shop's own map, by the random id of the customer. */
export interface Desk {
  assign(customer: SubjectId, rep: Actor): void
  /** Agents see their own customers only; other roles see everyone whom their purpose lets them. */
  readonly relationship: Relationship
  /** Forgets an erased customer. */
  readonly hook: ErasureHook
}

export function createDesk(): Desk {
  const reps = new Map<string, string>()
  return {
    assign: (customer, rep) => {
      reps.set(customer, rep.id)
    },
    relationship: ({ actor, subjectId }) =>
      !actor.roles.includes('agent') || reps.get(subjectId) === actor.id,
    hook: {
      id: 'desk',
      partial: [{ record: 'contact' }],
      plan: async ({ subjectId }) =>
        reps.has(subjectId) ? [{ id: subjectId, description: 'assignment', count: 1 }] : [],
      execute: async ({ id }) => (reps.delete(id) ? 'done' : 'already_done'),
      verify: async ({ id }) => (reps.has(id) ? { residual: 1 } : 'absent'),
    },
  }
}

const ROLES: { readonly [title: string]: string } = {
  'General Manager': 'management',
  'Sales Manager': 'sales',
  'Sales Support Agent': 'agent',
  'IT Manager': 'it',
  'IT Staff': 'it',
}

/** An employee as Privity is told who acts; somebody with another title has no role. */
export function toActor({ id, title }: Pick<Employee, 'id' | 'title'>): Actor {
  const role = ROLES[title]
  return { id: `staff:${id}`, roles: role === undefined ? [] : [role] }
}
