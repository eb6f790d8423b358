import type { AnyPrivityError } from '../../base/errors.ts'
import { MAX_VALUE_BYTES } from '../../storage/batch-rules.ts'
import { expectRejection, expectThat } from '../expect.ts'
import { batch, row } from '../rows.ts'
import type { StoreCase, Trial } from './case.ts'

/** Errors have the code that the contract gives them, and quote nothing. */
export const ERROR_CASES: readonly StoreCase[] = [
  { title: 'C36 each refusal has the code of the contract', run: codes },
  { title: 'C40 no error quotes a key or a value', run: quotes },
]

const MARK = 'mark-5f3a9c'

async function codes({ store }: Trial): Promise<void> {
  const stale = batch({ checks: [row('a', 'x')], put: [row('a', 'y')] })
  await expectRejection(store.commit(stale), 'write_conflict')
  await expectRejection(store.commit(batch({ put: [row('', 'x')] })), 'invalid_input')
  await store.close()
  await expectRejection(store.commit(stale), 'store_closed')
}

async function quotes({ store }: Trial): Promise<void> {
  const key = `key/${MARK}`
  const held = row(key, MARK)
  await store.commit(batch({ put: [held] }))
  const refusals: readonly Promise<unknown>[] = [
    store.commit(batch({ checks: [[key, null]], put: [held] })),
    store.commit(batch({ put: [held, held] })),
    store.commit(batch({ put: [row(`${key} `, MARK)] })),
    store.commit(batch({ put: [[key, new Uint8Array(MAX_VALUE_BYTES + 1)]] })),
    store.read([`${key} `]),
    store.scan(`${key} `, { limit: 1 }),
    store.scan('other/', { after: key, limit: 1 }),
  ]
  const errors = await Promise.all(
    refusals.map((refusal) => expectRejection(refusal, 'write_conflict', 'invalid_input')),
  )
  await store.close()
  errors.push(await expectRejection(store.read([key]), 'store_closed'))
  for (const error of errors) expectSilent(error)
}

function expectSilent(error: AnyPrivityError): void {
  const own = Object.getOwnPropertyNames(error).map((name) => String(Reflect.get(error, name)))
  const said = [...own, error.message, JSON.stringify(error), String(error.stack)].join('\n')
  expectThat(!said.includes(MARK), `${error.code} quotes nothing`)
  expectThat(error.cause === undefined, `${error.code} keeps no cause`)
}
