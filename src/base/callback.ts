import * as z from 'zod/mini'

/** How an option is checked that the app is called back with; it may be left out. */
export function callback<F>(): z.ZodMiniOptional<z.ZodMiniCustom<NonNullable<F>, NonNullable<F>>> {
  return z.optional(z.custom<NonNullable<F>>((value) => typeof value === 'function'))
}
