// A dedicated worker: does what it is told, and asks its page for what only the test can do.
import { count, runCase, type Favour } from './suite-cases.ts'

/** What a worker is sent. */
export type ToWorker =
  | { readonly run: string }
  | { readonly count: readonly [name: string, times: number] }
  | { readonly answer: number }

/** What it sends. */
export type FromWorker =
  | { readonly done: true }
  | { readonly failed: string }
  | { readonly ask: Favour }

const waiting: ((answer: number) => void)[] = []

addEventListener('message', async ({ data }: MessageEvent<ToWorker>) => {
  if ('answer' in data) return waiting.shift()?.(data.answer)
  try {
    if ('run' in data) await runCase(data.run, { where: 'worker', ask })
    else await count(...data.count)
    send({ done: true })
  } catch (error) {
    send({ failed: String(error) })
  }
})

function ask(favour: Favour): Promise<number> {
  send({ ask: favour })
  return new Promise((resolve) => {
    waiting.push(resolve)
  })
}

function send(message: FromWorker): void {
  postMessage(message)
}
