import * as z from 'zod/mini'

/** A word, not a sentence, which could name somebody: it is in the log and in the certificate. */
export const reasonWord: z.ZodMiniString = z
  .string()
  .check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._:()-]{0,63}$/))
