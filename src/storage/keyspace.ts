import type { Key } from './store.ts'

/**
 * Every key that Privity writes, by family (docs/design/formats.md holds what each row contains).
 *
 * Keys are printable ASCII and start with the tenant's prefix. Numbers are fixed-width hexadecimal, so
 * that byte order is numeric order.
 */
export interface Keyspace {
  readonly prefix: string

  /** The person document. */
  person(id: string): Key
  /** Everything of a person but the document itself. */
  personRows(id: string): Key
  record(id: string, type: number, record: string): Key
  records(id: string, type: number): Key
  body(id: string, sequence: number): Key
  bodies(id: string): Key
  page(id: string, page: string): Key
  operation(id: string, hash: string): Key

  external(generation: number, token: string): Key
  token(lookup: LookupKey, id: string, record: string): Key
  tokens(lookup: LookupKey): Key
  /** All tokens of one generation of a lookup. */
  tokensUnder(lookup: number, generation: number): Key
  /** Keeps a value to one record. */
  claim(lookup: LookupKey): Key
  claimsUnder(lookup: number, generation: number): Key
  holder(type: number, id: string): Key
  holders(type: number): Key
  /** All dates at which something of anybody falls due, the earliest first. */
  readonly dues: Key
  personDue(at: number, id: string): Key
  recordDue(at: number, record: DueRecordKey): Key
  /** Families outside of their prefix whose keys name a person. */
  readonly byPerson: readonly Key[]
  /** Rows that name a person inside. */
  readonly owned: Key

  readonly log: LogKeys
  shard(shard: number): LogKeys
  writer(writer: number): LogKeys
  segment(writer: number, index: number): Key
  /** A row of an index over segments, by pseudonym or by another token as long. */
  access(token: string, writer: number, index: number): Key
  accesses(token: string): Key
  writerAccesses(token: string, writer: number): Key

  readonly catalogue: Key
  readonly signing: Key
  readonly epochRegister: Key
  /** Keys that forms are sealed to. */
  readonly forms: Key
  policy(hash: string): Key
  readonly policies: Key
  layout(id: string): Key
  readonly noticeRegister: Key
  notice(id: string): Key
  noticeText(hash: string): Key
  controllerBody(sequence: number): Key
  writerRegister(writer: number): Key
  shardRegister(shard: number): Key
  erased(shard: number, page: number): Key
  readonly erasedPages: Key
  certificate(erasureId: string): Key
  /** That an erasure was cancelled. */
  cancelled(erasureId: string): Key
  /** Up to where the store was held against its journal of erasures. */
  readonly journalMark: Key
  /** The app's own id of somebody who was erased. */
  suppressed(generation: number, token: string): Key
  job(id: string): Key
  spooled(id: string): Key
  readonly spool: Key

  readonly store: Key
  controllerKey(epoch: number): Key
  readonly controllerKeys: Key
  classKey(epoch: number, accessClass: number): Key
  readonly classKeys: Key
  /** All class keys of one epoch. */
  epochKeys(epoch: number): Key
  readonly lookupKeys: Key
  lookupKey(lookup: number, generation: number): Key
  /** The key of pseudonyms for one recipient and purpose. */
  scopeKey(token: string): Key
  readonly scopeKeys: Key
  readonly suppressionKeys: Key
  suppressionKey(generation: number): Key

  /** In a journal. */
  readonly journalHead: Key
  journalEntry(sequence: number): Key
}

/** Rows of one append-only log. */
export interface LogKeys {
  readonly head: Key
  leaf(index: number): Key
  readonly leaves: Key
  node(level: number, index: number): Key
  readonly nodes: Key
}

/** A lookup by number, under one generation of its key, for one token. */
export interface LookupKey {
  readonly lookup: number
  readonly generation: number
  readonly token: string
}

/** A record that something falls due of. */
export interface DueRecordKey {
  readonly id: string
  readonly type: number
  readonly record: string
}

/** Stands for the record id in rows of tokens and dates of single records. */
export const SINGLE = '-'

/** All keys of one tenant; `tenantHash` is the first 16 hex digits of SHA-256(tenant). */
export function createKeyspace(tenantHash: string): Keyspace {
  const t = `${tenantHash}/`
  return {
    prefix: t,
    ...personKeys(t),
    ...indexKeys(t),
    ...logRows(t),
    ...controllerKeys(t),
    store: `${t}k/store`,
    controllerKey: (epoch) => `${t}k/c/${hex(epoch, 8)}`,
    controllerKeys: `${t}k/c/`,
    classKeys: `${t}k/k/`,
    classKey: (epoch, accessClass) => `${t}k/k/${hex(epoch, 8)}/${hex(accessClass, 4)}`,
    epochKeys: (epoch) => `${t}k/k/${hex(epoch, 8)}/`,
    lookupKeys: `${t}k/l/`,
    lookupKey: (lookup, generation) => `${t}k/l/${hex(lookup, 4)}/${hex(generation, 4)}`,
    scopeKey: (token) => `${t}k/s/${token}`,
    scopeKeys: `${t}k/s/`,
    suppressionKeys: `${t}k/u/`,
    suppressionKey: (generation) => `${t}k/u/${hex(generation, 4)}`,
    journalHead: `${t}j/head`,
    journalEntry: (sequence) => `${t}j/${hex(sequence, 12)}`,
  }
}

type PersonKeys = Pick<
  Keyspace,
  'person' | 'personRows' | 'record' | 'records' | 'body' | 'bodies' | 'page' | 'operation'
>
type IndexKeys = Pick<
  Keyspace,
  | 'external'
  | 'token'
  | 'tokens'
  | 'tokensUnder'
  | 'claim'
  | 'claimsUnder'
  | 'holder'
  | 'holders'
  | 'dues'
  | 'personDue'
  | 'recordDue'
  | 'byPerson'
  | 'owned'
>
type LogRows = Pick<
  Keyspace,
  'log' | 'shard' | 'writer' | 'segment' | 'access' | 'accesses' | 'writerAccesses'
>
type ControllerKeys = Omit<
  Keyspace,
  | 'prefix'
  | 'store'
  | 'controllerKey'
  | 'controllerKeys'
  | 'classKey'
  | 'classKeys'
  | 'epochKeys'
  | 'lookupKeys'
  | 'lookupKey'
  | 'scopeKey'
  | 'scopeKeys'
  | 'suppressionKeys'
  | 'suppressionKey'
  | 'journalHead'
  | 'journalEntry'
  | keyof PersonKeys
  | keyof IndexKeys
  | keyof LogRows
>

function personKeys(t: string): PersonKeys {
  const person = (id: string): Key => `${t}p/${id}`
  return {
    person,
    personRows: (id) => `${person(id)}/`,
    record: (id, type, record) => `${person(id)}/r/${hex(type, 4)}/${record}`,
    records: (id, type) => `${person(id)}/r/${hex(type, 4)}/`,
    body: (id, sequence) => `${person(id)}/e/${hex(sequence, 8)}`,
    bodies: (id) => `${person(id)}/e/`,
    page: (id, page) => `${person(id)}/h/${page}`,
    operation: (id, hash) => `${person(id)}/o/${hash}`,
  }
}

function indexKeys(t: string): IndexKeys {
  const tokensUnder = (lookup: number, generation: number): Key =>
    `${t}t/${hex(lookup, 4)}/${hex(generation, 4)}/`
  const claimsUnder = (lookup: number, generation: number): Key =>
    `${t}u/${hex(lookup, 4)}/${hex(generation, 4)}/`
  const tokens = ({ lookup, generation, token }: LookupKey): Key =>
    `${tokensUnder(lookup, generation)}${token}/`
  return {
    external: (generation, token) => `${t}u/${hex(generation, 4)}/${token}`,
    token: (lookup, id, record) => `${tokens(lookup)}${id}/${record}`,
    tokens,
    tokensUnder,
    claim: ({ lookup, generation, token }) => `${claimsUnder(lookup, generation)}${token}`,
    claimsUnder,
    holder: (type, id) => `${t}y/${hex(type, 4)}/${id}`,
    holders: (type) => `${t}y/${hex(type, 4)}/`,
    dues: `${t}d/`,
    personDue: (at, id) => `${t}d/${hex(at, 12)}/${id}`,
    recordDue: (at, { id, type, record }) => `${t}d/${hex(at, 12)}/${id}/${hex(type, 4)}/${record}`,
    byPerson: [`${t}d/`, `${t}t/`, `${t}y/`],
    owned: `${t}u/`,
  }
}

function logRows(t: string): LogRows {
  const writerAccesses = (token: string, writer: number): Key => `${t}a/${token}/${hex(writer, 4)}/`
  return {
    log: logKeys(`${t}l/`),
    shard: (shard) => logKeys(`${t}l/s/${hex(shard, 4)}/`),
    writer: (writer) => logKeys(`${t}w/${hex(writer, 4)}/`),
    segment: (writer, index) => `${t}w/${hex(writer, 4)}/s/${hex(index, 12)}`,
    access: (token, writer, index) => `${writerAccesses(token, writer)}${hex(index, 12)}`,
    accesses: (token) => `${t}a/${token}/`,
    writerAccesses,
  }
}

function logKeys(prefix: string): LogKeys {
  return {
    head: `${prefix}head`,
    leaf: (index) => `${prefix}e/${hex(index, 12)}`,
    leaves: `${prefix}e/`,
    node: (level, index) => `${prefix}n/${hex(level, 2)}/${hex(index, 12)}`,
    nodes: `${prefix}n/`,
  }
}

function controllerKeys(t: string): ControllerKeys {
  return {
    catalogue: `${t}c/catalogue`,
    signing: `${t}c/signing`,
    epochRegister: `${t}c/keys`,
    forms: `${t}c/forms`,
    policy: (hash) => `${t}c/p/${hash}`,
    policies: `${t}c/p/`,
    layout: (id) => `${t}c/l/${id}`,
    noticeRegister: `${t}c/n`,
    notice: (id) => `${t}c/n/${id}`,
    noticeText: (hash) => `${t}c/t/${hash}`,
    controllerBody: (sequence) => `${t}c/e/${hex(sequence, 8)}`,
    writerRegister: (writer) => `${t}c/w/${hex(writer, 4)}`,
    shardRegister: (shard) => `${t}c/s/${hex(shard, 4)}`,
    erasedPages: `${t}c/x/`,
    erased: (shard, page) => `${t}c/x/${hex(shard, 4)}/${hex(page, 8)}`,
    certificate: (erasureId) => `${t}c/c/${erasureId}`,
    cancelled: (erasureId) => `${t}c/d/${erasureId}`,
    journalMark: `${t}c/j`,
    suppressed: (generation, token) => `${t}c/u/${hex(generation, 4)}/${token}`,
    job: (id) => `${t}c/q/${id}`,
    spooled: (id) => `${t}c/q/w/${id}`,
    spool: `${t}c/q/w/`,
  }
}

/** Fixed-width hexadecimal. */
function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}
