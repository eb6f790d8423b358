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
export type {
  CallCounts,
  Fault,
  FaultKind,
  FaultyCall,
  FaultyStore,
} from './testkit/faulty-store.ts'
export { faultyStore } from './testkit/faulty-store.ts'
export type { OpenedStore, StoreSuite } from './testkit/store-suite.ts'
export { storeSuite } from './testkit/store-suite.ts'
export { appendUntilKilled, countTogether } from './testkit/workloads.ts'
