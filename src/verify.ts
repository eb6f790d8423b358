export { type ReceiptVerdict, verifyReceipt } from './consent/verify-receipt.ts'
export type { Jwks } from './crypto/jose.ts'
export { type CertificateVerdict, verifyCertificate } from './erasure/verify-certificate.ts'
