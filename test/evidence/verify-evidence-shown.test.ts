import { expect, test } from 'vitest'
import { memoryData, memoryStore } from 'privity/memory'
import { type EvidenceVerdict, verifyEvidence } from 'privity/verify'
import { accessorsOf, type Acme, ANNA, collect, openAcme } from '../support/acme.ts'
import { copiedRows } from '../support/copied-rows.ts'
import { join, readTar, type TarFile, writeTar } from '../support/tar-files.ts'

async function registered(acme: Acme): Promise<string> {
  const { id } = await acme.subjects.register()
  const { support } = accessorsOf(acme)
  await support.contact.create(id, ANNA)
  await support.contact.read(id)
  return id
}

async function filesOf(acme: Acme, options: object): Promise<readonly TarFile[]> {
  return readTar(join(await collect(acme.ledger.export(options))))
}

test('an access to one person is not shown as one to another', async () => {
  const acme = await openAcme(memoryStore())
  const [anna, bob] = [await registered(acme), await registered(acme)]
  const { verifierKeys } = acme.ledger.publicKeys
  const files = await filesOf(acme, { subjects: [anna, bob] })
  const named = (id: string): TarFile | undefined =>
    files.find(({ name }) => name.startsWith(`access/0/${id}/`))
  const [annas, bobs] = [named(anna), named(bob)]
  const exchanged = files.map((file) => {
    if (file === annas) return { ...file, contents: bobs?.contents ?? file.contents }
    return file
  })
  expect(await verifyEvidence(writeTar(files), { verifierKeys })).toMatchObject({ ok: true })
  expect(await verifyEvidence(writeTar(exchanged), { verifierKeys })).toMatchObject({
    ok: false,
    reason: 'access_mismatch',
    file: annas?.name,
  })
  await acme.close()
})

test('what stands for a person in access logs is committed to when they are registered, and nowhere else', async () => {
  const acme = await openAcme(memoryStore())
  const anna = await registered(acme)
  const { verifierKeys } = acme.ledger.publicKeys
  const bundle = writeTar(await filesOf(acme, { subjects: [anna] }))
  const events: unknown[] = []
  const subjects = new Set<unknown>()
  await verifyEvidence(bundle, {
    verifierKeys,
    onBody: ({ body }) => void events.push(Object(body['event']).pseudonym),
    onAccess: ({ access }) => void subjects.add(access['subject']),
  })
  expect([...subjects]).toEqual([events[0]])
  expect(events.slice(1).every((pseudonym) => pseudonym === undefined)).toBe(true)
  await acme.close()
})

test('the entries about no single person are all there, or the bundle is refused', async () => {
  const acme = await openAcme(memoryStore())
  const anna = await registered(acme)
  await acme.erasure.erase(anna as never, { reason: 'subject_request' })
  const { verifierKeys } = acme.ledger.publicKeys
  const files = await filesOf(acme, { disclose: ['controller'] })
  const bodies = files.filter(({ name }) => name.startsWith('bodies/'))
  for (let kept = 0; kept < bodies.length; kept += 1) {
    const hidden = new Set(bodies.slice(kept))
    const cut = writeTar(files.filter((file) => !hidden.has(file)))
    expect(await verifyEvidence(cut, { verifierKeys })).toMatchObject({
      ok: false,
      reason: 'body_missing',
      file: bodies[kept]?.name,
    })
  }
  await acme.close()
})

test('over several logs, the kept checkpoint of each log protects the entries in it', async () => {
  const data = memoryData()
  const shards = 2
  const first = await openAcme(memoryStore({ share: data }), { shards })
  const anna = await registered(first)
  await first.close()
  const older = copiedRows(data.rows)
  const acme = await openAcme(memoryStore({ share: data }), { shards })
  await accessorsOf(acme).support.contact.update(anna as never, { name: 'Anna' })
  const { verifierKeys } = acme.ledger.publicKeys
  const verdict = await verifyEvidence(acme.ledger.export({ subjects: [anna as never] }), {
    verifierKeys,
  })
  const kept = verdict.ok ? verdict.evidence.logs.map(({ checkpoint }) => checkpoint) : []
  expect(kept).toHaveLength(3)
  const copy = await openAcme(memoryStore({ share: older }), { shards })
  const judge = (checkpoint: readonly string[]): Promise<EvidenceVerdict> =>
    verifyEvidence(copy.ledger.export({ subjects: [anna as never] }), { verifierKeys, checkpoint })
  expect(await judge([])).toMatchObject({ ok: true })
  expect(await judge(kept)).toMatchObject({ ok: false, reason: 'rolled_back' })
  await Promise.all([acme.close(), copy.close()])
})
