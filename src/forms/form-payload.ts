/** Names the kind of document, so that no other JWE passes for a form. */
export const FORM_TYP = 'privity-form+jwe'
export const FORM_VERSION = 1

/** Which form it is: sealed in with the fields, and held against what is expected when it is opened. */
export interface FormContext {
  /** The record type that the fields are of. */
  readonly record: string
  /** The purpose that it is filled in for. */
  readonly purpose: string
  /**
   * Ties the form to who fills it in: a secret of the session, say. Without it, who gets hold of a sealed form can
   * hand it in as their own, and read there what it says.
   */
  readonly binding?: string
}
