import { expect, test } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { TOOL } from '../../src/base/tool.ts'

test('documents name the package and the version that made them', () => {
  expect(TOOL).toEqual({ name: manifest.name, version: manifest.version })
})
