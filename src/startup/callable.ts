import { invalidInput } from '../base/errors.ts'

/** Gives a method of an object of the app, as it was read, to be called on that object. */
export type Callable<T> = <N extends keyof T & string>(
  name: N,
  method: unknown,
) => NonNullable<T[N]>

/** @throws {@link invalid_input} when a method is no function */
export function callable<T>(owner: unknown, what: string): Callable<T> {
  return (name, method) => {
    if (typeof method !== 'function') throw invalidInput([what, name], 'not_a_function')
    const call = (...args: readonly unknown[]): unknown => Reflect.apply(method, owner, args)
    return call as never
  }
}
