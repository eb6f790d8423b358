import { afterAll, expect, test } from 'vitest'
import { startWorker } from '../support/d1/workerd.ts'

const SLOW = 60_000

// Here, because only the Worker knows the titles.
const worker = await startWorker()
afterAll(() => worker.close())
const titles: readonly string[] = await (await fetch(worker.url)).json()

test.each(titles)('%s', { timeout: SLOW }, async (title) => {
  const response = await fetch(worker.url, { method: 'POST', body: title })
  expect([await response.text(), response.status]).toEqual(['', 200])
})
