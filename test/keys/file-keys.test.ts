import fs from 'node:fs/promises'
import {
  chmodSync,
  closeSync,
  cpSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { fileKeys, isPrivityError } from 'privity'
import { memoryData, memoryStore } from 'privity/memory'
import { keyProviderSuite } from 'privity/testkit'
import { accessorsOf, type Acme, ANNA, openAcme, refusal } from '../support/acme.ts'
import { KEY_CONTEXT } from '../support/key-context.ts'
import { inProcess, keyDirectory, type KeyAct, type KeyDirectory } from '../support/key-files.ts'

const SLOW = 120_000
const KEY = new Uint8Array(32).fill(5)

describe('the suite of key providers, over a key file:', () => {
  keyProviderSuite({
    test: (title, run) => test(title, { timeout: SLOW }, run),
    epochs: 'many',
    open: async () => {
      const directory = keyDirectory()
      return {
        ...directory,
        keys: fileKeys(directory.file),
        dispose: async () => directory.remove(),
      }
    },
    again: async ({ file }) => fileKeys(file),
    outage: async ({ file }) => {
      renameSync(file, `${file}.away`)
      return async () => renameSync(`${file}.away`, file)
    },
  })
})

let directory: KeyDirectory

beforeEach(() => {
  directory = keyDirectory()
})

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
  directory.remove()
})

async function made(): Promise<Uint8Array> {
  return fileKeys(directory.file).wrap(KEY, KEY_CONTEXT)
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
  return 'no failure'
}

function unavailable(word: string): object {
  return { code: 'key_unavailable', what: `key_file.${word}` }
}

const UNREADABLE = { code: 'key_unreadable', what: 'key_file' }

describe('a key file', () => {
  test('is made by the first key that is wrapped, for its owner only, and by nothing else', async () => {
    const keys = fileKeys(directory.file)
    expect(await keys.currentEpoch()).toBe(1)
    const missing = unavailable('missing')
    expect(await failure(keys.unwrap(KEY, KEY_CONTEXT))).toEqual(missing)
    expect(await failure(keys.rotate())).toEqual(missing)
    expect(await failure(keys.destroy(1))).toEqual(missing)
    expect(readdirSync(directory.path)).toEqual([])
    await keys.wrap(KEY, KEY_CONTEXT)
    expect(readdirSync(directory.path)).toEqual(['keys.json'])
    expect(statSync(directory.file).mode & 0o777).toBe(0o600)
  })

  test('keeps number and times of a destroyed epoch, and no secret', async () => {
    const keys = fileKeys(directory.file)
    await made()
    await keys.rotate()
    const { secret } = JSON.parse(readFileSync(directory.file, 'utf8')).epochs[0]
    const { effectiveAt } = await keys.destroy(1)
    const text = readFileSync(directory.file, 'utf8')
    expect(JSON.parse(text)).toEqual({
      format: 'privity-keys',
      version: 1,
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      epochs: [
        {
          epoch: 1,
          createdAt: expect.any(String),
          destroyedAt: new Date(effectiveAt).toISOString(),
        },
        {
          epoch: 2,
          createdAt: expect.any(String),
          secret: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
        },
      ],
      sum: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    expect(secret).toHaveLength(43)
    expect(text).not.toContain(secret)
    expect(readdirSync(directory.path)).toEqual(['keys.json'])
    expect(statSync(directory.file).mode & 0o777).toBe(0o600)
  })

  test('leaves nothing of its older states, also not where they have another name', async () => {
    const keys = fileKeys(directory.file)
    await made()
    linkSync(directory.file, join(directory.path, 'copy'))
    const old = openSync(directory.file, 'r')
    await keys.rotate()
    const buffer = Buffer.alloc(4_096, 1)
    const length = readSync(old, buffer, 0, buffer.length, 0)
    closeSync(old)
    expect(length).toBeGreaterThan(100)
    expect(buffer.subarray(0, length).every((byte) => byte === 0)).toBe(true)
    expect(readFileSync(join(directory.path, 'copy')).every((byte) => byte === 0)).toBe(true)
  })

  test.for(['EISDIR', 'EPERM', 'EINVAL', 'EBADF'])(
    'leaves its older state where a directory answers %s to being synced',
    async (code) => {
      await made()
      linkSync(directory.file, join(directory.path, 'copy'))
      const before = readFileSync(directory.file, 'utf8')
      const open = fs.open.bind(fs)
      let asked = 0
      vi.spyOn(fs, 'open').mockImplementation(async (path, ...rest) => {
        const handle = await open(path, ...rest)
        if (path === directory.path)
          vi.spyOn(handle, 'sync').mockImplementation(async () => {
            asked += 1
            throw Object.assign(new Error(code), { code })
          })
        return handle
      })
      expect(await fileKeys(directory.file).rotate()).toBe(2)
      expect(asked).toBe(1)
      // After a power cut the name may be of this state again.
      expect(readFileSync(join(directory.path, 'copy'), 'utf8')).toBe(before)
      expect(readFileSync(directory.file, 'utf8')).not.toBe(before)
    },
  )

  test.for([0o640, 0o604, 0o660, 0o601])('of mode %o is refused', async (mode) => {
    const wrapped = await made()
    chmodSync(directory.file, mode)
    const keys = fileKeys(directory.file)
    const refused = unavailable('readable_by_others')
    expect(await failure(keys.unwrap(wrapped, KEY_CONTEXT))).toEqual(refused)
    expect(await failure(keys.rotate())).toEqual(refused)
    chmodSync(directory.file, 0o600)
    expect(await keys.unwrap(wrapped, KEY_CONTEXT)).toEqual(KEY)
  })

  test('that must be there is not made', async () => {
    const keys = fileKeys(directory.file, { missing: 'refuse' })
    expect(await failure(keys.currentEpoch())).toEqual(unavailable('missing'))
    expect(await failure(keys.wrap(KEY, KEY_CONTEXT))).toEqual(unavailable('missing'))
    expect(readdirSync(directory.path)).toEqual([])
    await made()
    expect(await keys.currentEpoch()).toBe(1)
  })

  test('that was there and is another now is refused', async () => {
    const keys = fileKeys(directory.file)
    const wrapped = await keys.wrap(KEY, KEY_CONTEXT)
    renameSync(directory.file, `${directory.file}.away`)
    await made()
    expect(await failure(keys.unwrap(wrapped, KEY_CONTEXT))).toEqual(unavailable('replaced'))
    expect(await failure(keys.wrap(KEY, KEY_CONTEXT))).toEqual(unavailable('replaced'))
    renameSync(`${directory.file}.away`, directory.file)
    expect(await keys.unwrap(wrapped, KEY_CONTEXT)).toEqual(KEY)
  })

  test('is followed through a link, and stays where it is', async () => {
    const real = join(directory.path, 'real')
    mkdirSync(real)
    const wrapped = await fileKeys(join(real, 'keys.json')).wrap(KEY, KEY_CONTEXT)
    symlinkSync(join(real, 'keys.json'), directory.file)
    const keys = fileKeys(directory.file)
    expect(await keys.rotate()).toBe(2)
    expect(lstatSync(directory.file).isSymbolicLink()).toBe(true)
    expect(await fileKeys(join(real, 'keys.json')).currentEpoch()).toBe(2)
    expect(await keys.unwrap(wrapped, KEY_CONTEXT)).toEqual(KEY)
  })
})

describe('a spoiled key file', () => {
  const contents: readonly (readonly [string, string, object])[] = [
    ['nothing', '', UNREADABLE],
    ['another text', 'keys', UNREADABLE],
    ['other JSON', '{"epochs":[]}', UNREADABLE],
    [
      'a newer version',
      '{"format":"privity-keys","version":2}',
      { code: 'unsupported_format', what: 'key_file', version: 2 },
    ],
    [
      'no version',
      '{"format":"privity-keys"}',
      { code: 'unsupported_format', what: 'key_file', version: 0 },
    ],
    ['far too much', ' '.repeat(2 ** 20 + 1), UNREADABLE],
  ]
  test.for(contents)('with %s is refused and stays as it is', async ([, text, refused]) => {
    writeFileSync(directory.file, text, { mode: 0o600 })
    const keys = fileKeys(directory.file)
    for (const call of [
      () => keys.currentEpoch(),
      () => keys.wrap(KEY, KEY_CONTEXT),
      () => keys.rotate(),
      () => keys.destroy(1),
    ])
      expect(await failure(call())).toEqual(refused)
    expect(readFileSync(directory.file, 'utf8')).toBe(text)
    expect(readdirSync(directory.path)).toEqual(['keys.json'])
  })

  test('is refused wherever it was cut, and whichever bit of it was flipped', {
    timeout: SLOW,
  }, async () => {
    await made()
    const whole = readFileSync(directory.file)
    const text = whole.toString()
    const keys = fileKeys(directory.file)
    for (let length = 0; length < whole.length - 2; length += 1) {
      writeFileSync(directory.file, whole.subarray(0, length))
      expect([length, await failure(keys.currentEpoch())]).toEqual([length, UNREADABLE])
    }
    let accepted = 0
    for (let bit = 0; bit < whole.length * 8; bit += 1) {
      const copy = Buffer.from(whole)
      copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      writeFileSync(directory.file, copy)
      const found = await failure(keys.currentEpoch())
      if (found === 'no failure') {
        // Only what JSON does not count: blanks between its parts.
        expect(JSON.parse(copy.toString())).toEqual(JSON.parse(text))
        accepted += 1
      } else
        expect((found as { readonly code: string }).code).toMatch(/^key_un|^unsupported_format$/)
    }
    expect(accepted).toBeLessThan(200)
    writeFileSync(directory.file, whole)
    expect(await keys.currentEpoch()).toBe(1)
  })

  test('that is a directory is refused', async () => {
    mkdirSync(directory.file)
    expect(await failure(fileKeys(directory.file).currentEpoch())).toEqual(
      unavailable('not_a_file'),
    )
  })

  test('in a directory that is not there is refused', async () => {
    const keys = fileKeys(join(directory.path, 'nowhere', 'keys.json'))
    expect(await failure(keys.wrap(KEY, KEY_CONTEXT))).toEqual(unavailable('missing'))
  })

  const faults: readonly (readonly [string, string])[] = [
    ['ENOSPC', 'full'],
    ['EROFS', 'read_only'],
    ['EBUSY', 'busy'],
    ['EIO', 'failed'],
    ['EACCES', 'permission'],
  ]
  test.for(faults)('a disk that answers %s gives a typed error', async ([code, word]) => {
    await made()
    const broken = Object.assign(new Error(`${code}: ${directory.file}`), { code })
    vi.spyOn(fs, 'rename').mockRejectedValueOnce(broken)
    const keys = fileKeys(directory.file)
    expect(await failure(keys.rotate())).toEqual(unavailable(word))
    expect(await keys.currentEpoch()).toBe(1)
    expect(await keys.rotate()).toBe(2)
    expect(readdirSync(directory.path)).toEqual(['keys.json'])
  })
})

describe('processes on one key file', () => {
  test('make an epoch each when they rotate at once', { timeout: SLOW }, async () => {
    await made()
    const together = Array.from({ length: 6 }, () => inProcess(directory.file, 'rotate'))
    await Promise.all(together)
    const keys = fileKeys(directory.file)
    expect(await keys.currentEpoch()).toBe(7)
    for (let epoch = 1; epoch <= 7; epoch += 1) {
      const context = { ...KEY_CONTEXT, epoch }
      expect(await keys.unwrap(await keys.wrap(KEY, context), context)).toEqual(KEY)
    }
    expect(readdirSync(directory.path)).toEqual(['keys.json'])
  })

  const acts: readonly KeyAct[] = ['wrap', 'rotate', 'destroy']
  test.for(acts)(
    'that are killed at any step of %s leave a whole file',
    { timeout: SLOW },
    async (act) => {
      const steps = Number(await prepared(act))
      expect(steps).toBeGreaterThan(10)
      for (let step = 1; step <= steps; step += 1) {
        directory.remove()
        directory = keyDirectory()
        expect(await prepared(act, step)).toBe('')
        const keys = fileKeys(directory.file)
        const before = await keys.currentEpoch()
        expect([1, 2]).toContain(before)
        const wrapped = await keys.wrap(KEY, { ...KEY_CONTEXT, epoch: before })
        expect(await keys.rotate()).toBe(before + 1)
        expect(await keys.unwrap(wrapped, { ...KEY_CONTEXT, epoch: before })).toEqual(KEY)
        expect(await keys.destroy(before)).toEqual({ effectiveAt: expect.any(Number) })
        const left = readdirSync(directory.path).filter(
          (name) => !/\.lock\.[0-9a-f]{32}$/.test(name),
        )
        expect([step, left]).toEqual([step, ['keys.json']])
      }
    },
  )

  test('that die while they take over a lock do not keep it', { timeout: SLOW }, async () => {
    await made()
    await dieWhere(() => readdirSync(directory.path).includes('keys.json.lock'))
    await dieWhere(() => readdirSync(directory.path).some((name) => name.endsWith('.removal')))
    const taken = directory
    // A third one dies at every step of taking over from one that died while it took over from another.
    for (let step = 1; step <= 12; step += 1) {
      directory = copyOf(taken)
      expect(await inProcess(directory.file, 'rotate', step)).toBe('')
      expect([step, await fileKeys(directory.file).rotate()]).toEqual([step, expect.any(Number)])
      const left = readdirSync(directory.path).filter((name) => !name.includes('.lock.'))
      expect([step, left]).toEqual([step, ['keys.json']])
      directory.remove()
    }
    directory = taken
  })

  /** Lets a process die at the first step at which it leaves what is looked for. */
  async function dieWhere(isSo: () => boolean): Promise<void> {
    const before = directory
    for (let step = 1; !isSo(); step += 1) {
      if (directory !== before) directory.remove()
      directory = copyOf(before)
      expect(await inProcess(directory.file, 'rotate', step)).toBe('')
    }
    before.remove()
  }

  function copyOf({ path }: KeyDirectory): KeyDirectory {
    const copy = keyDirectory()
    cpSync(path, copy.path, { recursive: true })
    return copy
  }

  /** Brings the file to where the act can begin, and does it in another process. */
  async function prepared(act: KeyAct, step = 0): Promise<string> {
    if (act !== 'wrap') await made()
    if (act === 'destroy') await fileKeys(directory.file).rotate()
    return inProcess(directory.file, act, step)
  }

  test('wait for one that lives, however long, and give up in time', async () => {
    await made()
    const lock = `${directory.file}.lock`
    const holding = vi.spyOn(fs, 'rename').mockImplementationOnce(async () => {
      writeFileSync(`${lock}.copy`, readFileSync(lock))
      throw Object.assign(new Error('EIO'), { code: 'EIO' })
    })
    await failure(fileKeys(directory.file).rotate())
    expect(holding).toHaveBeenCalledTimes(1)
    // As if the process that made it, which is this one, still held it.
    renameSync(`${lock}.copy`, lock)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    let found: unknown
    failure(fileKeys(directory.file).rotate()).then((it) => {
      found = it
    })
    while (found === undefined) {
      // Something that takes as long as what the lock is waited for with.
      await fs.stat(directory.path)
      await vi.advanceTimersByTimeAsync(10)
    }
    vi.useRealTimers()
    expect(found).toEqual(unavailable('locked'))
    const { began, pid, place, token } = JSON.parse(readFileSync(lock, 'utf8'))
    expect(pid).toBe(process.pid)
    // A number that no process has: whoever held it is dead.
    writeFileSync(lock, JSON.stringify({ began, pid: 2 ** 30, place, token }))
    expect(await fileKeys(directory.file).rotate()).toBe(2)
  })
})

describe('an app with a key file', () => {
  test('opens with it, not without it, and makes no other one', async () => {
    const rows = memoryData()
    const open = (): Promise<Acme> =>
      openAcme(memoryStore({ share: rows }), { keys: fileKeys(directory.file) })
    const first = await open()
    const { id } = await first.subjects.register()
    await accessorsOf(first).support.contact.create(id, ANNA)
    await first.close()
    renameSync(directory.file, `${directory.file}.away`)
    expect(await refusal(open())).toEqual({
      code: 'key_unavailable',
      details: { what: 'key_file.missing' },
    })
    expect(readdirSync(directory.path)).toEqual(['keys.json.away'])
    const others = join(directory.path, 'others.json')
    await fileKeys(others).wrap(KEY, KEY_CONTEXT)
    renameSync(others, directory.file)
    expect(await refusal(open())).toEqual({
      code: 'key_unreadable',
      details: { what: 'controller' },
    })
    renameSync(`${directory.file}.away`, directory.file)
    const again = await open()
    expect(await accessorsOf(again).support.contact.read(id)).toMatchObject({ name: ANNA.name })
    await again.close()
    await fileKeys(directory.file).rotate()
    await fileKeys(directory.file).destroy(1)
    expect(await refusal(open())).toEqual({
      code: 'key_unreadable',
      details: { what: 'controller' },
    })
  })
})

describe('file keys', () => {
  const wrong: readonly (readonly [string, readonly unknown[], string])[] = [
    ['no path', [''], 'not_a_path'],
    ['a number', [7], 'not_a_path'],
    ['a path with a zero', ['a\0b'], 'not_a_path'],
    ['an unknown choice', ['keys.json', { missing: 'replace' }], 'not_a_choice'],
    ['an unknown option', ['keys.json', { secret: 'x' }], 'unknown_option'],
  ]
  test.for(wrong)('refuse %s', ([, args, code]) => {
    const make = fileKeys as (...args: readonly unknown[]) => unknown
    expect(() => make(...args)).toThrowError(
      expect.objectContaining({
        code: 'invalid_input',
        details: { issues: [expect.objectContaining({ code })] },
      }),
    )
  })

  test('are not supported where there are no files', () => {
    vi.stubGlobal('process', undefined)
    expect(() => fileKeys('keys.json')).toThrowError(
      expect.objectContaining({ code: 'not_supported', details: { what: 'files' } }),
    )
  })
})
