export type { Destruction, KeyContext, KeyProvider } from './keys/provider.ts'
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
  LogEvent,
  LogFault,
  LogFaultKind,
  LogHistory,
  LogRow,
} from './testkit/check-log.ts'
export { checkLog } from './testkit/check-log.ts'
export type {
  CallCounts,
  Fault,
  FaultKind,
  FaultyCall,
  FaultyStore,
} from './testkit/faulty-store.ts'
export { faultyStore } from './testkit/faulty-store.ts'
export type { KeyProviderSuite, OpenedKeys } from './testkit/key-provider-suite.ts'
export { keyProviderSuite } from './testkit/key-provider-suite.ts'
export type { RegisterTest } from './testkit/not-proven.ts'
export type { Random } from './testkit/random.ts'
export type {
  Scenario,
  Simulated,
  SimulatedClock,
  SimulatedInstance,
  SimulateOptions,
} from './testkit/simulate.ts'
export { simulate, SIMULATED_FAULTS } from './testkit/simulate.ts'
export type { SimulatedCall } from './testkit/simulated-store.ts'
export type { OpenedStore, StoreSuite } from './testkit/store-suite.ts'
export { storeSuite } from './testkit/store-suite.ts'
export { appendUntilKilled, countTogether } from './testkit/workloads.ts'
