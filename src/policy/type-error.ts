declare const sentence: unique symbol

/**
 * A type no value has. Where the compiler expects one, its message prints the sentence: what was
 * written there, and why the policy does not allow it.
 */
export interface PrivityTypeError<Sentence extends string> {
  readonly [sentence]: Sentence
}
