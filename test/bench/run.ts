// Measures what Privity costs over a named floor: `npm run bench`, `npm run bench -- read may`.
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { appendBench } from './append.ts'
import { auditBench } from './audit.ts'
import { type Bench, compare, toLines } from './bench.ts'
import { consentBenches, mayBench } from './consent.ts'
import { createBench } from './create.ts'
import { eraseBench } from './erase.ts'
import { lookupBench } from './lookup.ts'
import { millionBench } from './million.ts'
import { postgresBenches } from './postgres.ts'
import { readBench } from './read.ts'
import { resealBench } from './reseal.ts'
import { sealBench } from './seal.ts'
import { sweepBench } from './sweep.ts'
import { verifyBench } from './verify.ts'

const BENCHES: readonly Bench[] = [
  readBench,
  sealBench,
  createBench,
  mayBench,
  eraseBench,
  sweepBench,
  ...consentBenches,
  ...postgresBenches,
  appendBench,
  auditBench,
  verifyBench,
  lookupBench,
  resealBench,
  millionBench,
]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '9' } },
})
const rounds = Number(values.rounds)
const unknown = positionals.filter((name) => !BENCHES.some((bench) => bench.name === name))
if (unknown.length > 0 || !Number.isInteger(rounds) || rounds < 1) {
  console.error(`benches: ${BENCHES.map(({ name }) => name).join(', ')}; --rounds is a number`)
  process.exit(1)
}

console.log(`node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}`)
console.log(
  `${rounds} rounds in turns, medians; compare shares within a table and not times between`,
)
for (const bench of BENCHES) {
  if (positionals.length === 0 || positionals.includes(bench.name)) await measure(bench)
}

async function measure(bench: Bench): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'privity-bench-'))
  try {
    const contest = await bench.setUp(folder)
    const results = await compare(contest, rounds)
    const remarks = contest.remarks?.(results) ?? []
    await contest.close()
    console.log(['', `${bench.name}: ${bench.title}`, ...bench.notes, ''].join('\n'))
    for (const line of toLines(results)) console.log(`  ${line}`)
    if (remarks.length > 0) console.log(['', ...remarks].join('\n'))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
