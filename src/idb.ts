export type { IdbStoreOptions } from './adapters/idb/settings.ts'
export { idbStore } from './adapters/idb.ts'
export type {
  Batch,
  DurabilityLevel,
  Key,
  Row,
  ScanOptions,
  ScrubReport,
  Store,
  StoreInfo,
  StoreLimits,
} from './storage/store.ts'
