import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { files, type FilesOptions } from 'privity/hooks'
import { errorOf } from '../support/error-of.ts'
import { contextOf, runHook } from '../support/hook-person.ts'

const ANNA = { externalId: 'anna' }
const ITEM = { id: 'files', description: 'files of the person', count: 0 }

let root: string
let directory: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'privity-files-'))
  directory = join(root, 'uploads')
  write('uploads/anna/photo.jpg')
  write('uploads/anna/letters/1.pdf')
  write('uploads/anna2/photo.jpg')
  write('secrets/key.pem')
})
afterEach(() => {
  rmSync(root, { recursive: true, force: true })
})

function write(path: string): void {
  mkdirSync(join(root, path, '..'), { recursive: true })
  writeFileSync(join(root, path), 'bytes')
}

describe('a directory', () => {
  test('loses what is in that of a person, and nothing beside it', async () => {
    const hook = files({ id: 'uploads', directory })
    const { items, outcomes, verdicts } = await runHook(hook, ANNA)
    expect(items).toEqual([{ ...ITEM, count: 4 }])
    expect([outcomes, verdicts]).toEqual([['done'], ['absent']])
    expect(readdirSync(directory)).toEqual(['anna2'])
    expect((await runHook(hook, ANNA)).outcomes).toEqual(['already_done'])
  })

  test('names people by their subject id too', async () => {
    const { subjectId } = contextOf({})
    write(`uploads/${subjectId}/a`)
    const hook = files({ id: 'uploads', directory: `${directory}/`, key: 'subjectId' })
    expect((await runHook(hook, {})).verdicts).toEqual(['absent'])
    expect(readdirSync(directory)).toEqual(['anna', 'anna2'])
  })

  test('has nothing of a person without the id', async () => {
    const hook = files({ id: 'uploads', directory })
    expect(await hook.plan(contextOf({}))).toEqual([])
    expect(await hook.verify(ITEM, contextOf({}))).toBe('unknown')
  })

  test.for(['..', '../secrets', '.', '', 'anna/letters', '/etc', 'a\0b', 'C:x', 'anna\\letters'])(
    'does not reach out by the id %j',
    async (externalId) => {
      const hook = files({ id: 'uploads', directory })
      const { outcomes, verdicts } = await runHook(hook, { externalId })
      expect([outcomes, verdicts]).toEqual([[{ blocked: 'unsafe_name' }], ['unknown']])
      expect(existsSync(join(root, 'secrets/key.pem'))).toBe(true)
      expect(readdirSync(directory)).toEqual(['anna', 'anna2'])
    },
  )

  test('has its links removed, and not what they point to', async () => {
    symlinkSync(join(root, 'secrets'), join(directory, 'anna/elsewhere'))
    symlinkSync(join(root, 'secrets/key.pem'), join(directory, 'anna/key'))
    symlinkSync(join(directory, 'anna'), join(directory, 'anna/loop'))
    const hook = files({ id: 'uploads', directory })
    const { items, verdicts } = await runHook(hook, ANNA)
    expect(items).toEqual([{ ...ITEM, count: 7 }])
    expect(verdicts).toEqual(['absent'])
    expect(readdirSync(join(root, 'secrets'))).toEqual(['key.pem'])
  })

  test('where the person’s own is a link loses the link', async () => {
    symlinkSync(join(root, 'secrets'), join(directory, 'eve'))
    symlinkSync(join(root, 'nowhere'), join(directory, 'ada'))
    const hook = files({ id: 'uploads', directory })
    for (const externalId of ['eve', 'ada']) {
      const { items, verdicts } = await runHook(hook, { externalId })
      expect([items[0]?.count, verdicts]).toEqual([1, ['absent']])
    }
    expect(readdirSync(directory)).toEqual(['anna', 'anna2'])
    expect(readdirSync(join(root, 'secrets'))).toEqual(['key.pem'])
  })

  test('that is reached through a link works as the app wants it', async () => {
    symlinkSync(directory, join(root, 'current'))
    const hook = files({ id: 'uploads', directory: join(root, 'current') })
    expect((await runHook(hook, ANNA)).verdicts).toEqual(['absent'])
    expect(readdirSync(directory)).toEqual(['anna2'])
  })

  test('that is not there, as when a disk is not mounted, proves nothing', async () => {
    const hook = files({ id: 'uploads', directory })
    renameSync(directory, join(root, 'unmounted'))
    expect(await hook.execute(ITEM, contextOf(ANNA))).toEqual({
      retryAfter: { hours: 1 },
      why: 'missing',
    })
    const error = await errorOf(() => hook.verify(ITEM, contextOf(ANNA)))
    expect(error).toMatchObject({ code: 'store_unavailable', details: { reason: 'missing' } })
    expect(String(error.stack) + JSON.stringify(error)).not.toContain('anna')
    write('uploads')
    expect((await errorOf(() => hook.verify(ITEM, contextOf(ANNA)))).code).toBe('store_unavailable')
  })

  test('of very deep folders is counted and removed', async () => {
    const deep = Array.from({ length: 300 }, () => 'd').join('/')
    write(`uploads/anna/${deep}/end`)
    const hook = files({ id: 'uploads', directory })
    const { items, verdicts } = await runHook(hook, ANNA)
    expect([items[0]?.count, verdicts]).toEqual([305, ['absent']])
  })
})

describe('what the app passes to files', () => {
  test.for([
    [{ directory: '' }, ['directory'], 'not_a_path'],
    [{ directory: 'a\0b' }, ['directory'], 'not_a_path'],
    [{ directory: 7 }, ['directory'], 'not_a_path'],
    [{ key: 'email' }, ['key'], 'not_a_person_key'],
    [{ recursive: true }, ['options'], 'unknown_option'],
  ] as const)('is refused: %j', async ([options, path, code]) => {
    const all = { id: 'uploads', directory, ...options } as unknown as FilesOptions
    const error = await errorOf(() => files(all))
    expect(error).toMatchObject({ code: 'invalid_input', details: { issues: [{ path, code }] } })
  })
})
