import * as z from 'zod/mini'

/** How an option `signal` is checked. */
export const abortSignal: z.ZodMiniOptional<z.ZodMiniCustom<AbortSignal, AbortSignal>> =
  /* @__PURE__ */ z.optional(
    /* @__PURE__ */ z.custom<AbortSignal>((value) => value instanceof AbortSignal),
  )
