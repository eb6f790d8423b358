// A dedicated worker that runs one case of the suite of key providers.
import { runKeyCase } from './keys-cases.ts'

/** What it sends: nothing went wrong, or what did. */
export type FromKeysWorker = { readonly failed: string | undefined }

addEventListener('message', async ({ data }: MessageEvent<string>) => {
  try {
    await runKeyCase(data)
    send({ failed: undefined })
  } catch (error) {
    send({ failed: String(error) })
  }
})

function send(message: FromKeysWorker): void {
  postMessage(message)
}
