import { isPrivityError } from 'privity'
import { check, say, table } from './print.ts'
import { countHits, readFiles, tracesOf } from './search.ts'
import { DATABASE_FILES, openPrivity, readSecret } from './shop.ts'
import { nameOf, type Someone, type Story, staff } from './story.ts'

/** Closes Privity and reads the files of the database as a thief would. */
export async function searchFiles(
  { shop }: Story,
  { erased, present }: { readonly erased: Someone; readonly present: Someone },
): Promise<void> {
  await shop.privity.close()
  const files = readFiles(DATABASE_FILES)
  const bytes = files.reduce((sum, { length }) => sum + length, 0)
  say(`${files.length} files, ${(bytes / 1_048_576).toFixed(1)} MiB`)
  const traces = [erased, present].map((customer) => countHits(files, tracesOf(customer)))
  const ids = countHits(files, [erased.subjectId])
  table(
    [
      ['searched in the database files, as text, hex and base64', 'hits'],
      [`${nameOf(erased)}, erased: e-mail, names, phone, address`, traces[0] ?? 0],
      [`${nameOf(present)}, a customer: the same`, traces[1] ?? 0],
      ['the random id of the erased person, whose invoices stay', ids],
    ],
    64,
  )
  check(
    traces.every((count) => count === 0),
    'nothing readable stands in the files',
  )
  check(ids > 0, 'the search finds what is there')
}

/** Opens the database again, first under a wrong key; resolves to the number of ledger entries. */
export async function openAgain(story: Story, erased: Someone): Promise<bigint> {
  const { shop } = story
  try {
    await openPrivity(shop, new Uint8Array(32))
    throw new Error('the database opened under a wrong key')
  } catch (error) {
    if (!isPrivityError(error, 'key_unreadable')) throw error
    say(`under another key: ${error.code}`)
  }
  const privity = await openPrivity(shop, readSecret())
  const { ok, size, faults } = await privity.ledger.verify()
  say(`under the right key: ${size} ledger entries, ${faults.length} faults`)
  check(ok, 'the ledger is what was signed')
  const actor = staff(story, 'Nancy Edwards')
  const decision = await privity.may({ subjectId: erased.subjectId, purpose: 'support', actor })
  check(!decision.allowed && decision.reasons.includes('erased'), 'still erased')
  await privity.close()
  shop.database.close()
  return size
}
