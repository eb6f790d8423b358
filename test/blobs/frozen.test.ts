import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { fromUtf8, toHex } from '../../src/base/bytes.ts'
import { openChunks, openMessage } from '../../src/blobs/blob-chunks.ts'
import { type BlobPlace, decodeHead, encodeHead, HEAD_BYTES } from '../../src/blobs/blob-format.ts'
import { openSource } from '../../src/blobs/byte-source.ts'
import { splitHead } from '../../src/blobs/regroup.ts'
import { createClassKey } from '../../src/keys/class-key.ts'
import { fromPseudonym, toPseudonym } from '../../src/pseudonyms/pseudonym.ts'
import { hex } from '../crypto/vectors.ts'
import { drain, streamOf } from '../support/byte-streams.ts'

interface Frozen {
  readonly blobs: readonly (Omit<BlobPlace, 'recordId'> & {
    readonly recordId?: string
    readonly keyId: string
    readonly secret: string
    readonly blobId: string
    readonly plaintext: string
    readonly sealed: string
  })[]
  readonly pseudonyms: readonly {
    readonly key: string
    readonly storeId: string
    readonly subjectId: string
    readonly pseudonym: string
  }[]
}

const FROZEN: Frozen = JSON.parse(
  readFileSync(new URL('../vectors/handling-v1.json', import.meta.url), 'utf8'),
)

test('attachments of version 1 open for ever', async () => {
  expect(FROZEN.blobs).toHaveLength(2)
  for (const { keyId, secret, blobId, plaintext, sealed, ...place } of FROZEN.blobs) {
    const key = createClassKey(hex(keyId), hex(secret))
    const { head, rest } = await splitHead(openSource(streamOf(hex(sealed)), undefined), HEAD_BYTES)
    const parsed = decodeHead(head)
    expect(parsed.blobId).toBe(blobId)
    expect(toHex(encodeHead(parsed))).toBe(toHex(head))
    const message = await openMessage(key, parsed, { recordId: undefined, ...place })
    expect(fromUtf8(await drain(openChunks(message, rest)))).toBe(plaintext)
  }
})

test('pseudonyms of version 1 stay what they are', () => {
  expect(FROZEN.pseudonyms).toHaveLength(1)
  for (const { key, storeId, subjectId, pseudonym } of FROZEN.pseudonyms) {
    expect(toPseudonym(hex(key), storeId, subjectId)).toBe(pseudonym)
    expect(fromPseudonym(hex(key), storeId, pseudonym)).toBe(subjectId)
  }
})
