export type { MemoryData, MemoryStoreOptions } from './adapters/memory.ts'
export { memoryData, memoryStore } from './adapters/memory.ts'
