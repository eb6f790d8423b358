import fs from 'node:fs/promises'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { fileAnchor, isPrivityError } from 'privity'
import { anchorDirectory } from '../support/anchors.ts'
import { killWhileMoving, moveInMany } from '../support/anchor-processes.ts'
import { anchoredNote, sizeOf } from '../support/anchored-notes.ts'

const SLOW = 120_000
const KEPT = 32

let directory: ReturnType<typeof anchorDirectory>

beforeEach(() => {
  directory = anchorDirectory()
})

afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
  directory.remove()
})

function names(): readonly string[] {
  return readdirSync(directory.path).sort()
}

function numbered(number: number): string {
  return `${String(number).padStart(16, '0')}.checkpoint`
}

function put(name: string, content: string | Uint8Array): void {
  writeFileSync(join(directory.path, name), content)
}

/** Moves on leaf by leaf up to a size. */
async function moveTo(size: number): Promise<void> {
  const anchor = fileAnchor(directory.path)
  for (;;) {
    const from = await anchor.read()
    if (sizeOf(from) >= size) return
    expect(await anchor.advance(from, anchoredNote(sizeOf(from) + 1))).toBe(true)
  }
}

/** A checkpoint of so many bytes. */
function longNote(bytes: number): string {
  const note = anchoredNote(3)
  return 'x'.repeat(bytes - Buffer.byteLength(note)) + note
}

async function failure(call: Promise<unknown>): Promise<unknown> {
  try {
    await call
  } catch (error) {
    if (!isPrivityError(error)) throw error
    expect(`${error.message} ${error.stack} ${JSON.stringify(error)}`).not.toContain(directory.path)
    expect(error.cause).toBeUndefined()
    return { code: error.code, ...error.details }
  }
  throw new TypeError('the call should have failed')
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: it quotes ${directory.path}`), { code })
}

describe('an anchor in a directory', () => {
  test('keeps each checkpoint in a file of its own, and nothing else', async () => {
    await moveTo(2)
    expect(names()).toEqual([numbered(1), numbered(2)])
    expect(await fs.readFile(join(directory.path, numbered(2)), 'utf8')).toBe(anchoredNote(2))
  })

  test('removes the old ones, and never the newest', async () => {
    await moveTo(KEPT + 8)
    expect(names()).toHaveLength(KEPT)
    expect(names().at(-1)).toBe(numbered(KEPT + 8))
  })

  test('leaves alone what is not its own', async () => {
    const others = ['.DS_Store', '1.checkpoint', `${numbered(9)}.bak`, 'README', `x${numbered(9)}`]
    for (const name of others) put(name, 'theirs')
    await moveTo(KEPT + 2)
    for (const name of others) expect(existsSync(join(directory.path, name))).toBe(true)
    expect(sizeOf(await fileAnchor(directory.path).read())).toBe(KEPT + 2)
  })

  test('is found at a path with a slash at its end', async () => {
    await moveTo(1)
    expect(sizeOf(await fileAnchor(`${directory.path}/`).read())).toBe(1)
  })
})

test('takes a checkpoint of 64 KiB and no more', async () => {
  const anchor = fileAnchor(directory.path)
  expect(await anchor.advance(undefined, longNote(65_536))).toBe(true)
  expect(await anchor.read()).toBe(longNote(65_536))
  const more = anchor.advance(longNote(65_536), longNote(65_537))
  expect(await failure(more)).toMatchObject({ code: 'invalid_input' })
})

describe('several processes', () => {
  test('take each step exactly once', { timeout: SLOW }, async () => {
    const [many, times] = [8, 25]
    const moved = await moveInMany(directory.path, many, times)
    const steps = moved.map((line) => Number(line.split(' ')[0])).sort((a, b) => a - b)
    expect(steps).toEqual(Array.from({ length: many * times }, (_, index) => index + 1))
    const newest = await fileAnchor(directory.path).read()
    expect(sizeOf(newest)).toBe(many * times)
    const by = moved.find((line) => line.startsWith(`${many * times} `))?.split(' ')[1]
    expect(newest).toBe(anchoredNote(many * times, by))
    expect(names().length).toBeLessThanOrEqual(KEPT + many)
    expect(names().filter((name) => name.endsWith('.draft'))).toEqual([])
  })

  test('that are killed leave what was accepted, and the next can go on', {
    timeout: SLOW,
  }, async () => {
    for (let kill = 1; kill <= 12; kill += 1) {
      const said = await killWhileMoving(directory.path, kill)
      const newest = sizeOf(await fileAnchor(directory.path).read())
      expect(newest - said).toBeGreaterThanOrEqual(0)
      // What was linked and not yet said: at most one step, or what it did while the signal came.
      await moveTo(newest + 1)
    }
    await moveTo(sizeOf(await fileAnchor(directory.path).read()) + KEPT + 1)
    expect(names()).toHaveLength(KEPT)
  })
})

describe('after a crash', () => {
  const draft = (number: number): string =>
    `${String(number).padStart(16, '0')}-${'ab'.repeat(16)}.draft`

  test.for([
    ['before a draft was complete', ''],
    ['in the middle of a draft', anchoredNote(3).slice(0, 40)],
    ['before a draft was linked', anchoredNote(3)],
  ] as const)('%s, the old state stands', async ([, content]) => {
    await moveTo(2)
    put(draft(3), content)
    expect(await fileAnchor(directory.path).read()).toBe(anchoredNote(2))
    await moveTo(3)
    expect(names()).toContain(draft(3))
    await moveTo(3 + KEPT)
    expect(names()).not.toContain(draft(3))
  })

  test('after the link and before the draft was removed, the new state stands', async () => {
    await moveTo(2)
    put(draft(3), anchoredNote(3))
    await fs.link(join(directory.path, draft(3)), join(directory.path, numbered(3)))
    expect(await fileAnchor(directory.path).read()).toBe(anchoredNote(3))
    expect(await fileAnchor(directory.path).advance(anchoredNote(2), anchoredNote(4))).toBe(false)
    await moveTo(4)
  })

  test('while the old were removed, gaps do not matter', async () => {
    await moveTo(6)
    rmSync(join(directory.path, numbered(2)))
    rmSync(join(directory.path, numbered(4)))
    expect(await fileAnchor(directory.path).read()).toBe(anchoredNote(6))
    await moveTo(7)
  })
})

describe('a writer that falls asleep before it links', () => {
  /** Lets others go on to a size, once, just before a file gets its number. */
  function overtakenAt(size: number): void {
    const link = fs.link.bind(fs)
    vi.spyOn(fs, 'link').mockImplementationOnce(async (from, to) => {
      await moveTo(size)
      return link(from, to)
    })
  }

  test.for([undefined, 4])('has lost, when others were there: from %s', async (start) => {
    await moveTo(start ?? 0)
    const from = await fileAnchor(directory.path).read()
    overtakenAt((start ?? 0) + 1)
    expect(await fileAnchor(directory.path).advance(from, anchoredNote(9, 'late'))).toBe(false)
    expect(sizeOf(await fileAnchor(directory.path).read())).toBe((start ?? 0) + 1)
  })

  test.for([undefined, 4])(
    'has lost also when its number was removed as old: from %s',
    async (start) => {
      await moveTo(start ?? 0)
      const from = await fileAnchor(directory.path).read()
      const end = (start ?? 0) + KEPT + 1
      // The others have removed its draft, too; one that is written anew shows the same.
      const link = fs.link.bind(fs)
      vi.spyOn(fs, 'link').mockImplementationOnce(async (draft, to) => {
        await moveTo(end)
        await fs.writeFile(draft, anchoredNote(99, 'late'))
        return link(draft, to)
      })
      expect(await fileAnchor(directory.path).advance(from, anchoredNote(99, 'late'))).toBe(false)
      expect(await fileAnchor(directory.path).read()).toBe(anchoredNote(end))
      expect(names()).toHaveLength(KEPT)
    },
  )

  test('has lost when only its draft was removed as old', async () => {
    await moveTo(4)
    overtakenAt(4 + KEPT + 1)
    const call = fileAnchor(directory.path).advance(anchoredNote(4), anchoredNote(99, 'late'))
    expect(await call).toBe(false)
    expect(await fileAnchor(directory.path).read()).toBe(anchoredNote(4 + KEPT + 1))
  })
})

describe('a directory that cannot be used', () => {
  const CORRUPT: readonly (readonly [string, string | Uint8Array])[] = [
    ['empty', ''],
    ['cut short', anchoredNote(3).slice(0, -1)],
    ['something else', 'words'],
    ['no UTF-8', Uint8Array.of(0xff)],
    ['longer than any checkpoint', longNote(65_537)],
  ]
  test.for(CORRUPT)(
    'because its newest file is %s, is reported as damaged',
    async ([, content]) => {
      await moveTo(2)
      put(numbered(3), content)
      const anchor = fileAnchor(directory.path)
      const corrupt = { code: 'store_corrupt', reason: 'anchor' }
      expect(await failure(anchor.read())).toEqual(corrupt)
      expect(await failure(anchor.advance(anchoredNote(2), anchoredNote(4)))).toEqual(corrupt)
    },
  )

  test('because its newest file is a directory, is reported as damaged', async () => {
    mkdirSync(join(directory.path, numbered(1)))
    const anchor = fileAnchor(directory.path)
    expect(await failure(anchor.read())).toEqual({ code: 'store_corrupt', reason: 'anchor' })
  })

  test('because it is not there, is not taken for an empty one, nor made', async () => {
    const missing = { code: 'store_unavailable', reason: 'missing' }
    const path = join(directory.path, 'unmounted')
    const anchor = fileAnchor(path)
    expect(await failure(anchor.read())).toEqual(missing)
    expect(await failure(anchor.advance(undefined, anchoredNote(1)))).toEqual(missing)
    expect(existsSync(path)).toBe(false)
    put('file', '')
    expect(await failure(fileAnchor(join(directory.path, 'file')).read())).toEqual(missing)
  })

  const FAULTS: readonly (readonly [string, object])[] = [
    ['EACCES', { code: 'store_unavailable', reason: 'permission' }],
    ['EPERM', { code: 'store_unavailable', reason: 'permission' }],
    ['EROFS', { code: 'store_unavailable', reason: 'read_only' }],
    ['EIO', { code: 'store_unavailable', reason: 'io' }],
    ['ENOSPC', { code: 'store_full', reason: 'disk_full' }],
    ['EDQUOT', { code: 'store_full', reason: 'disk_full' }],
    ['EMFILE', { code: 'store_unavailable', reason: 'failed' }],
    ['constructor', { code: 'store_unavailable', reason: 'failed' }],
  ]
  test.for(FAULTS)('with %s says so, and the old state stands', async ([code, expected]) => {
    await moveTo(2)
    const anchor = fileAnchor(directory.path)
    for (const method of ['open', 'link', 'readdir'] as const) {
      const spy = vi.spyOn(fs, method).mockRejectedValue(systemError(code))
      expect(await failure(anchor.advance(anchoredNote(2), anchoredNote(3)))).toEqual(expected)
      spy.mockRestore()
      expect(await anchor.read()).toBe(anchoredNote(2))
    }
    expect(names()).toEqual([numbered(1), numbered(2)])
    await moveTo(3)
  })

  test('that fails after the link leaves open whether it moved', async () => {
    await moveTo(2)
    const anchor = fileAnchor(directory.path)
    const link = fs.link.bind(fs)
    vi.spyOn(fs, 'link').mockImplementationOnce(async (from, to) => {
      await link(from, to)
      vi.spyOn(fs, 'readdir').mockRejectedValueOnce(systemError('EIO'))
    })
    expect(await failure(anchor.advance(anchoredNote(2), anchoredNote(3)))).toEqual({
      code: 'outcome_unknown',
    })
    expect(await anchor.read()).toBe(anchoredNote(3))
  })

  test('where directories cannot be synced is used all the same', async () => {
    const open = fs.open.bind(fs)
    vi.spyOn(fs, 'open').mockImplementation(async (path, ...rest) => {
      if (path === directory.path) throw systemError('EPERM')
      return open(path, ...rest)
    })
    await moveTo(2)
  })

  test('where old files cannot be removed is used all the same', async () => {
    vi.spyOn(fs, 'unlink').mockRejectedValue(systemError('EACCES'))
    await moveTo(KEPT + 2)
    expect(sizeOf(await fileAnchor(directory.path).read())).toBe(KEPT + 2)
  })

  test('that changes faster than it can be read is busy', async () => {
    await moveTo(2)
    vi.spyOn(fs, 'open').mockRejectedValue(systemError('ENOENT'))
    expect(await failure(fileAnchor(directory.path).read())).toEqual({
      code: 'store_unavailable',
      reason: 'busy',
    })
  })
})

describe('what the app passes', () => {
  test.for([undefined, null, '', 'a\0b', 5, {}, ['/tmp']])('%j is no path', async (path) => {
    const make = async (): Promise<unknown> => fileAnchor(path as string)
    expect(await failure(make())).toEqual({
      code: 'invalid_input',
      issues: [{ path: ['directory'], code: 'not_a_path' }],
    })
  })

  test('is of no use in a runtime without files', async () => {
    vi.stubGlobal('process', undefined)
    const make = async (): Promise<unknown> => fileAnchor('/tmp')
    const error = await make().catch((it) => it)
    vi.unstubAllGlobals()
    expect(isPrivityError(error, 'not_supported') && error.details).toEqual({ what: 'files' })
  })
})
