/** How much of what takes long is run: what fits every change, or all of it (`npm run torture`). */
export function scaled(counts: { readonly ci: number; readonly torture: number }): number {
  return process.env['PRIVITY_TORTURE'] === 'true' ? counts.torture : counts.ci
}
