/**
 * Names the tests that failed and prints `N passed, N failed` from the JSON report of a test run.
 * Ends with 1 unless tests ran and every one of them passed.
 */
import { readFileSync } from 'node:fs'

const { passed, failed, names } = count(process.argv[2] ?? '')
for (const name of names) console.log(`failed: ${name}`)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = passed > 0 && failed === 0 ? 0 : 1

function count(path) {
  const report = read(path)
  if (report === undefined) return { passed: 0, failed: 1, names: ['the run wrote no report'] }
  const { numPassedTests, numTotalTests, success, testResults } = report
  const names = testResults.flatMap(failures)
  const broken = testResults.filter(isBroken).length
  const failed = numTotalTests - numPassedTests + broken
  if (success || failed > 0) return { passed: numPassedTests, failed, names }
  return { passed: numPassedTests, failed: 1, names: ['an error outside of every test'] }
}

function failures({ name, status, message, assertionResults }) {
  const file = name.slice(name.lastIndexOf('/test/') + 1)
  const own = assertionResults
    .filter((test) => test.status !== 'passed')
    .map((test) => [`${file}: ${test.fullName}`, ...(test.failureMessages ?? [])].join('\n'))
  return isBroken({ status, assertionResults }) ? [...own, `${file}: ${message}`] : own
}

// A suite that could not load has no test that could have failed.
function isBroken({ status, assertionResults }) {
  return status === 'failed' && assertionResults.every((test) => test.status !== 'failed')
}

function read(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}
