/**
 * Prints `N passed, N failed` from the JSON report of a test run, and ends with 1 unless tests ran
 * and every one of them passed.
 */
import { readFileSync } from 'node:fs'

const { passed, failed } = count(process.argv[2] ?? '')
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = passed > 0 && failed === 0 ? 0 : 1

function count(path) {
  const report = read(path)
  // A run that ended before its report, or a suite that could not load, counts as a failure.
  if (report === undefined) return { passed: 0, failed: 1 }
  const { numPassedTests, numTotalTests, success, testResults } = report
  const broken = testResults.filter(isBroken).length
  const failed = numTotalTests - numPassedTests + broken
  return { passed: numPassedTests, failed: success ? failed : Math.max(failed, 1) }
}

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
