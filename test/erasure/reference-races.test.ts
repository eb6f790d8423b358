import { expect, test } from 'vitest'
import { isPrivityError, type SubjectId } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { collect } from '../support/acme.ts'
import { copiedRows } from '../support/copied-rows.ts'
import { createLanes } from '../support/lanes.ts'
import { outcomeOf } from '../support/outcome-of.ts'
import { type Office, type OfficeRecords, openOffice } from '../support/reference-office.ts'
import { scaled } from '../support/scale.ts'
import { type Seeded, seeded } from '../support/seeded.ts'

const SLOW = scaled({ ci: 300_000, torture: 3_600_000 })
/** How often each runs beside an erasure. */
const SCHEDULES = scaled({ ci: 50, torture: 10_000 })
const BATCH = 25
const SHARDS = 3
const SEED = 20_261_122
/** Turns of the event loop that an erasure takes, more or less. */
const LATE = 120
const REASON = { reason: 'subject_request' }

/** Bo names Anna in some records; of Cleo there is one for all. */
interface Someone {
  readonly anna: SubjectId
  readonly bo: SubjectId
  readonly cleo: SubjectId
  readonly ticket: string
  readonly free: string
  readonly comment: string
  readonly referral: string
}

type Beside = (office: Office, who: Someone) => Promise<unknown>

/** What runs beside, and how it may end. */
const BESIDE: {
  readonly [name: string]: {
    readonly run: Beside
    readonly ends: RegExp
    /** Of which there is at least one in any number of schedules. */
    readonly meets: readonly string[]
  }
} = {
  'new record': {
    run: async ({ records }, { anna, bo, cleo }) => {
      await records.ticket.create(bo, { text: 'n', assignee: anna })
      await records.comment.create(cleo, { text: 'n', author: anna })
      await records.proxy.create(bo, { scope: 'all', of: anna })
    },
    ends: /^(?:done|erased)$/,
    meets: ['done', 'erased'],
  },
  'new reference': {
    run: async ({ records }, { anna, bo, free }) => {
      await records.ticket.update(bo, free, { assignee: anna })
      await records.ticket.update(bo, free, { text: 'again', assignee: anna })
    },
    ends: /^(?:done|erased)$/,
    meets: ['done', 'erased'],
  },
  'reference to somebody else': {
    run: async ({ records }, { bo, cleo, ticket, comment, referral }) => {
      await records.ticket.update(bo, ticket, { assignee: cleo })
      await records.comment.update(bo, comment, { author: cleo })
      await records.referral.update(bo, referral, { by: cleo })
    },
    // The erasure was faster, and deleted the last of them.
    ends: /^(?:done|not_found)$/,
    meets: ['done', 'not_found'],
  },
  'write of other fields': {
    run: async ({ records }, { bo, ticket, comment }) => {
      await records.ticket.update(bo, ticket, { text: 'new' })
      await records.comment.update(bo, comment, { text: 'new' })
    },
    ends: /^done$/,
    meets: ['done'],
  },
  'change of lookup keys': {
    run: async ({ privity }) => {
      await privity.keys.rotateLookups()
      await privity.keys.reseal()
    },
    ends: /^done$/,
    meets: ['done'],
  },
  'erasure of who refers': {
    run: ({ privity }, { bo }) => privity.erasure.erase(bo, REASON),
    ends: /^(?:done|erasure_incomplete)$/,
    meets: ['done'],
  },
  'second erasure': {
    run: ({ privity }, { anna }) => privity.erasure.erase(anna, REASON),
    ends: /^(?:done|erased|write_conflict|erasure_incomplete)$/,
    meets: ['done', 'erasure_incomplete'],
  },
}

interface Template {
  readonly rows: ReadonlyMap<string, Uint8Array>
  readonly people: readonly Someone[]
}

async function makeTemplate(): Promise<Template> {
  const data = memoryData()
  const { records, privity, add } = await openOffice(memoryStore({ share: data }), {
    shards: SHARDS,
  })
  const cleo = await add()
  const people: Someone[] = []
  for (let at = 0; at < BATCH; at += 1) {
    const [anna, bo] = [await add(), await add()]
    const [ticket, free, comment, referral] = await Promise.all([
      records.ticket.create(bo, { text: 't', assignee: anna }),
      records.ticket.create(bo, { text: 'f' }),
      records.comment.create(bo, { text: 'c', author: anna }),
      records.referral.create(bo, { text: 'r', by: anna }),
    ])
    await records.ticket.create(anna, { text: 'back', assignee: bo })
    people.push({
      anna,
      bo,
      cleo,
      ticket: ticket.recordId,
      free: free.recordId,
      comment: comment.recordId,
      referral: referral.recordId,
    })
  }
  await privity.close()
  return { rows: new Map(data.rows), people }
}

for (const [name, { run, ends, meets }] of Object.entries(BESIDE)) {
  test(`no ${name} beside an erasure leaves a reference behind, in ${SCHEDULES} schedules`, {
    timeout: SLOW,
  }, async () => {
    const template = await makeTemplate()
    const met = new Map<string, number>()
    for (let first = 0; first < SCHEDULES; first += BATCH) {
      const lanes = createLanes()
      const data = copiedRows(template.rows)
      const racer = async (): Promise<{
        readonly office: Office
        readonly die: (after: number | undefined) => void
      }> => {
        const { store, die } = lanes.lane(memoryStore({ share: data }))
        return { office: await openOffice(store, { shards: SHARDS }), die }
      }
      const [eraser, other] = [await racer(), await racer()]
      for (const [at, who] of template.people.entries()) {
        const random = seeded(SEED + first + at)
        lanes.start(random)
        const isLast = at === BATCH - 1
        const race = { eraser, other: other.office, run, ends, random, isLast }
        const outcome = await runOne(race, who)
        met.set(outcome, (met.get(outcome) ?? 0) + 1)
        lanes.stop()
        await expectCleared(other.office, who, { name, outcome })
      }
      expect(await other.office.privity.ledger.verify({ deep: true })).toMatchObject({
        ok: true,
        faults: [],
      })
    }
    for (const outcome of meets) expect([outcome, met.has(outcome)]).toEqual([outcome, true])
  })
}

interface Race {
  readonly eraser: { readonly office: Office; readonly die: (after: number | undefined) => void }
  readonly other: Office
  readonly run: Beside
  readonly ends: RegExp
  readonly random: Seeded
  readonly isLast: boolean
}

/** Resolves to what became of that which ran beside. */
async function runOne(
  { eraser, other, run, ends, random, isLast }: Race,
  who: Someone,
): Promise<string> {
  // Its process dies half way, in the last of a batch: it is not used any more then.
  eraser.die(isLast ? 1 + random.below(60) : undefined)
  const erasing = outcomeOf(eraser.office.privity.erasure.erase(who.anna, REASON))
  // So that it meets every step of the erasure.
  await turns(random.below(LATE))
  const outcome = await outcomeOf(run(other, who))
  expect(outcome).toMatch(ends)
  if (!isLast) expect(await erasing).toMatch(/^(?:done|erased|write_conflict|erasure_incomplete)$/)
  else await turns(500)
  await finish(other, who.anna)
  return outcome
}

/** Whatever is not at its end is gone on with, as `work` would: to a certificate. */
async function finish({ privity, clock }: Office, anna: SubjectId): Promise<void> {
  const asked = await outcomeOf(privity.erasure.erase(anna, REASON))
  clock.advance({ hours: 1 })
  await privity.erasure.work()
  expect(asked).toMatch(/^(?:done|erased|write_conflict|erasure_incomplete)$/)
  expect(await outcomeOf(privity.erasure.erase(anna, REASON))).toBe('erased')
  expect(await collect(privity.erasure.pending())).toEqual([])
}

async function expectCleared(
  { records }: Office,
  { anna, bo, cleo, ...made }: Someone,
  { name, outcome }: { readonly name: string; readonly outcome: string },
): Promise<void> {
  const found = [
    records.ticket.find({ assignee: anna }),
    records.comment.find({ author: anna }),
    records.referral.find({ by: anna }),
  ]
  for (const some of found) expect(await collect(some)).toEqual([])
  const names = ['ticket', 'comment', 'referral'] as const
  const views = [cleo, bo].flatMap((id) => names.map((record) => viewsOf(records, record, id)))
  expect(JSON.stringify(await Promise.all(views))).not.toContain(anna)
  if (name !== 'reference to somebody else') return
  // Whether the erasure came before or after: what names somebody else by then stays as it is.
  expect(await records.ticket.read(bo, made.ticket)).toMatchObject({ assignee: cleo })
  expect(await records.comment.read(bo, made.comment)).toMatchObject({ author: cleo })
  const referral = await orGone(() => records.referral.read(bo, made.referral))
  expect([outcome, referral?.['by']]).toEqual([outcome, outcome === 'done' ? cleo : undefined])
}

async function viewsOf(
  records: OfficeRecords,
  record: 'ticket' | 'comment' | 'referral',
  subjectId: SubjectId,
): Promise<readonly object[]> {
  const found = await orGone(() => collect(records[record].list({ subjectId })))
  return (found ?? []).map(({ view }) => ({ ...view }))
}

async function orGone<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    if (isPrivityError(error, 'erased') || isPrivityError(error, 'not_found')) return undefined
    throw error
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((done) => setImmediate(done))
}
