import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromiumLaunch } from '../chromium.ts'
import { openSite } from './site.ts'

/** Where journeys find a browser, and the pages that run stores in it. */
export interface ChromiumAddress {
  /** Of the DevTools protocol. */
  readonly endpoint: string
  readonly page: string
}

const PROGRAMS = ['test/support/browser/store-page.ts', 'test/support/browser/suite-worker.ts']
const FLAGS = ['--headless', '--no-sandbox', '--password-store=basic', '--use-mock-keychain']
const LISTENING = /DevTools listening on (ws:\S+)/
const PATIENCE_MS = 30_000

/** A browser with a profile on disk, that every worker may connect to. */
export async function startChromiumEngine(): Promise<{
  readonly address: ChromiumAddress
  end(): Promise<void>
}> {
  const site = await openSite(PROGRAMS)
  const folder = mkdtempSync(join(tmpdir(), 'privity-profile-'))
  const { executablePath, args, env } = chromiumLaunch()
  const own = ['--remote-debugging-port=0', `--user-data-dir=${folder}`, 'about:blank']
  const browser = spawn(executablePath, [...args, ...FLAGS, ...own], { env })
  const endpoint = await endpointOf(browser)
  return {
    address: { endpoint, page: `${site.origin}/store-page` },
    end: async () => {
      const ended = once(browser, 'exit')
      browser.kill('SIGTERM')
      await ended
      site.close()
      rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
    },
  }
}

/** Reads what the browser says until it takes connections. */
async function endpointOf(browser: ChildProcess): Promise<string> {
  let said = ''
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no Chromium: ${said}`)), PATIENCE_MS)
    browser.once('exit', () => reject(new Error(`Chromium ended: ${said}`)))
    browser.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4_000)
      const endpoint = LISTENING.exec(said)?.[1]
      if (endpoint === undefined) return
      clearTimeout(timer)
      resolve(endpoint)
    })
  })
}
