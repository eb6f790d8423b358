#!/usr/bin/env node
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const USAGE = `privity explain <module> [--strict]

Prints what policy.explain() finds in a policy today: the default export of a module, or its export named
"policy". Ends with 1 when a finding is an error, or with --strict a warning, and with 2 when there is no
policy to look at.`

const OK = 0
const FOUND = 1
const UNUSABLE = 2

process.exitCode = await run(process.argv.slice(2))

async function run([command, ...rest]) {
  const [path, ...more] = rest.filter((it) => it !== '--strict')
  if (command !== 'explain' || path === undefined || more.length > 0) return refuse(USAGE)
  const policy = await load(path)
  if (policy === undefined) return UNUSABLE
  const findings = policy.explain({ at: new Date().toISOString() })
  for (const finding of findings) console.log(lineOf(finding))
  const [errors, warnings] = ['error', 'warning'].map(
    (wanted) => findings.filter(({ level }) => level === wanted).length,
  )
  console.log(`${findings.length} findings, ${errors} errors, ${warnings} warnings`)
  return errors + (rest.includes('--strict') ? warnings : 0) === 0 ? OK : FOUND
}

async function load(path) {
  try {
    const { default: standard, policy = standard } = await import(pathToFileURL(resolve(path)).href)
    if (typeof policy?.explain === 'function') return policy
    refuse(`${path} exports no policy: neither as default nor under the name "policy"`)
  } catch (error) {
    refuse(`${path} could not be loaded: ${error instanceof Error ? error.message : 'it threw'}`)
    // Where a policy is refused, each place has a path and a rule, and no value.
    for (const { path: at, code } of error?.details?.issues ?? [])
      console.error(`  ${at.join('.')}: ${code}`)
  }
  return undefined
}

/** Lookups have no level: what they show was chosen. */
function lineOf({ level = 'info', kind, what = kind, summary, reason, ...finding }) {
  const { collection, record = collection, fields = [], owner } = finding
  const { purpose, ground, onErase, hook, reviewAt } = finding
  const place = fields.length === 0 ? record : `${record}.${fields.join('+')}`
  const about = [owner, purpose, ground, onErase, hook, reviewAt].filter((it) => it !== undefined)
  const why = reason === undefined ? '' : ` (${reason})`
  return `${level} ${what} ${[place, ...about].join(', ')}: ${summary}${why}`
}

function refuse(text) {
  console.error(text)
  return UNUSABLE
}
