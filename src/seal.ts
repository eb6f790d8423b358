export type { FormJwk } from './crypto/form-key.ts'
export type { FormContext } from './forms/form-payload.ts'
export { sealFor } from './forms/seal-for.ts'
