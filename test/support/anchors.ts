import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Anchor, fileAnchor, httpAnchor, memoryAnchor, storeAnchor } from 'privity'
import type { GrowingLog } from './growing-log.ts'
import { type PlaceName, PLACES } from './stores.ts'
import { startWitness } from './witness.ts'

/** Where an anchor is, whoever opens it. */
export interface AnchorPlace {
  /** One more anchor on what the others remember, as another process has it. */
  anchor(): Anchor
  dispose(): unknown
}

/** Every kind of anchor that the package has. */
export const ANCHORS: {
  readonly [kind: string]: (...logs: readonly GrowingLog[]) => Promise<AnchorPlace>
} = {
  memoryAnchor: async () => shared(memoryAnchor()),
  fileAnchor: async () => {
    const directory = anchorDirectory()
    return { anchor: () => fileAnchor(directory.path), dispose: directory.remove }
  },
  'storeAnchor in memory': () => inStore('memory'),
  'storeAnchor in better-sqlite3': () => inStore('better-sqlite3'),
  'storeAnchor in node:sqlite': () => inStore('node:sqlite'),
  'storeAnchor in PostgreSQL': () => inStore('PostgreSQL'),
  'storeAnchor in IndexedDB': () => inStore('IndexedDB'),
  httpAnchor: async (...logs) => {
    const witness = await startWitness(logs.map(({ key }) => key))
    const state = memoryAnchor()
    const options = { url: witness.url, witness: witness.vkey, state }
    return { anchor: () => httpAnchor(options), dispose: witness.close }
  },
}

/** A directory for one test. */
export function anchorDirectory(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'privity-anchor-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

function shared(anchor: Anchor): AnchorPlace {
  return { anchor: () => anchor, dispose: () => undefined }
}

async function inStore(name: PlaceName): Promise<AnchorPlace> {
  const place = await PLACES[name]()
  return { anchor: () => storeAnchor(place.store()), dispose: place.dispose }
}
