#!/usr/bin/env node
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const USAGE = `privity explain <module>

Prints what policy.explain() finds in a policy: the default export of a module, or its export named
"policy". Ends with 1 when a finding is an error, with 2 when there is no policy to look at.`

const OK = 0
const FOUND = 1
const UNUSABLE = 2

process.exitCode = await run(process.argv.slice(2))

async function run([command, path, ...rest]) {
  if (command !== 'explain' || path === undefined || rest.length > 0) return refuse(USAGE)
  const policy = await load(path)
  if (policy === undefined) return UNUSABLE
  const findings = policy.explain()
  for (const finding of findings) console.log(lineOf(finding))
  const errors = findings.filter(({ level }) => level === 'error').length
  console.log(`${findings.length} findings, ${errors} errors`)
  return errors === 0 ? OK : FOUND
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
function lineOf({ level = 'info', kind, what = kind, record, fields, purpose, ground, summary }) {
  const about = [purpose, ground].filter((it) => it !== undefined)
  const place = `${record}.${fields.join('+')}`
  return `${level} ${what} ${[place, ...about].join(', ')}: ${summary}`
}

function refuse(text) {
  console.error(text)
  return UNUSABLE
}
