/** What made a document, for whoever reads it years later; the version is that of the package. */
export const TOOL = { name: 'privity', version: '0.1.0' } as const
