/** What ISO/IEC TS 27560 and DPV ask for, and no record knows. */
export interface RecordContext {
  /** How people reach the controller. */
  readonly controller: ControllerContext
  /** Where the notice can be read. */
  readonly noticeUrl: string
  /** BCP 47; of the notice, where the record does not say. */
  readonly language: string
  /** ISO 3166-1 or -2 codes of the law that holds; at least one. */
  readonly jurisdictions: readonly string[]
  /** How a consent is taken back. */
  readonly withdrawal: WithdrawalContext
  /** By name; every purpose that is rendered needs its own. */
  readonly purposes: { readonly [purpose: string]: PurposeContext }
  /** How the data was collected, e.g. `Sign-up form`. Default: what the record says of the method. */
  readonly collectionMethod?: string
  /** What the person uses, e.g. `Acme CRM`. */
  readonly service?: string
  /** Identifiers of rights, e.g. `eu-gdpr:A15`. */
  readonly rights?: readonly string[]
  /** Where rights are exercised. */
  readonly rightsUrl?: string
  /** Codes that the controller follows, by name or address. */
  readonly codesOfConduct?: readonly string[]
  /** Where the impact assessment can be read. */
  readonly impactAssessment?: string
  /** The authority that a person may complain to. */
  readonly authority?: PartyContext
}

/** What Kantara's Consent Receipt 1.1 asks for, and no record knows. */
export interface KantaraContext
  extends Omit<RecordContext, 'controller' | 'language' | 'purposes' | 'service'> {
  /** How people reach the controller; Kantara asks for e-mail and phone. */
  readonly controller: ControllerContext & { readonly email: string; readonly phone: string }
  /** BCP 47; of the notice, where the record does not say. Default: left out. */
  readonly language?: string
  /** By name; every purpose that is rendered needs its own. */
  readonly purposes: { readonly [purpose: string]: KantaraPurpose }
  /** What the person uses, e.g. `Acme CRM`. */
  readonly service: string
}

/** The controller, beyond what its records say. */
export interface ControllerContext {
  readonly address: PostalAddress
  readonly email?: string
  readonly phone?: string
  /** Where the controller is found on the web. */
  readonly url?: string
  /** Acts for somebody else. Default: no. */
  readonly onBehalf?: boolean
}

/** An address, in the words of schema.org; at least one of them. */
export interface PostalAddress {
  readonly streetAddress?: string
  readonly postalCode?: string
  readonly addressLocality?: string
  readonly addressRegion?: string
  /** ISO 3166-1 alpha-2. */
  readonly addressCountry?: string
}

/** How a person takes a consent back. */
export interface WithdrawalContext {
  /** In words, e.g. `In the settings of the account`. */
  readonly method: string
  /** Where it is done. */
  readonly url?: string
}

/** One purpose, beyond what records say. */
export interface PurposeContext {
  /** What is used of the person; at least one. */
  readonly personalData: readonly PersonalDataContext[]
  /** Locations such as `loc:IE`; at least one. */
  readonly storageLocations: readonly string[]
  /** For how long, in the form of ISO 8601, e.g. `P24M`. */
  readonly retention: string
  /** Who else receives the data. */
  readonly recipients: readonly RecipientContext[]
  /** Identifiers of the purpose. Default: that of the record. */
  readonly purposeTypes?: readonly string[]
  /** What is done with the data, e.g. `dpv:Store`. */
  readonly processing?: readonly string[]
  /** Locations such as `loc:IE`. Default: left out. */
  readonly processingLocations?: readonly string[]
  /** Where the data does not go. Default: left out. */
  readonly geographicRestrictions?: readonly string[]
  /** Without it the service cannot be given. Default: no. */
  readonly primary?: boolean
}

/** One purpose, as far as Kantara asks. */
export type KantaraPurpose = Pick<
  PurposeContext,
  'personalData' | 'recipients' | 'purposeTypes' | 'primary'
>

/** A kind of personal data. */
export interface PersonalDataContext {
  /** Identifier such as `pd:EmailAddress`. */
  readonly type: string
  /** Name of the attribute in the app. */
  readonly attribute?: string
  /** The person may leave it out. Default: no. */
  readonly optional?: boolean
  /** Sensitive, though not of Article 9. Default: no. */
  readonly sensitive?: boolean
  /** Article 9. */
  readonly special?: boolean
}

/** Somebody other than the controller. */
export interface PartyContext {
  readonly id: string
  readonly name: string
  readonly address: PostalAddress
  /** Whom to ask for there, e.g. a role. */
  readonly contact: string
  readonly email?: string
  readonly phone?: string
  readonly url?: string
}

/** Who else receives the data. */
export interface RecipientContext extends PartyContext {
  /** What the recipient is to the controller. */
  readonly role: 'processor' | 'sub_processor' | 'joint_controllers' | 'third_party' | 'authority'
}
