/** Twelve fields, about 330 bytes of JSON. */
export interface Contact {
  readonly firstName: string
  readonly lastName: string
  readonly email: string
  readonly language: string
  readonly city: string
  readonly phone: string
  readonly company: string
  readonly street: string
  readonly postalCode: string
  readonly country: string
  readonly birthDate: string
  readonly note: string
}

/** A contact by number: the same one in every run. */
export function contactOf(number: number): Contact {
  const four = String(number % 10_000).padStart(4, '0')
  return {
    firstName: `Annelies ${four}`,
    lastName: `van den Berg ${four}`,
    email: emailOf(number),
    language: 'nl',
    city: 'Amsterdam',
    phone: `+31 20 ${String(number).padStart(7, '0')}`,
    company: 'Bakkerij De Gouden Korenaar',
    street: `Keizersgracht ${four}`,
    postalCode: `${four} AB`,
    country: 'NL',
    birthDate: '1990-05-17',
    note: 'Prefers to be called in the morning, and not on Wednesdays',
  }
}

export function emailOf(number: number): string {
  return `annelies.${number}@example.com`
}

/** The same order in every run, and no order to the store. */
export function shuffled<T>(items: readonly T[]): readonly T[] {
  const copy = [...items]
  let state = 20_261_121
  for (let at = copy.length - 1; at > 0; at -= 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    const other = state % (at + 1)
    const [a, b] = [copy[at] as T, copy[other] as T]
    copy[at] = b
    copy[other] = a
  }
  return copy
}
