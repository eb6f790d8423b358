import { equalBytes } from '../base/bytes.ts'
import { PrivityError } from '../base/errors.ts'
import type { Change, Committed, Participant, Rows } from './participant.ts'
import type { Key } from './store.ts'

/** An attempt of unknown outcome. */
export interface DoubtfulAttempt<Receipt> {
  /** The head that it was conditional on. */
  readonly head: Uint8Array | undefined
  /** The head that it wrote. */
  readonly wrote: Uint8Array | undefined
  readonly receipt: Receipt | undefined
}

/** A participant in the queue; its outcome settles exactly once. */
export interface Member<Entry, Receipt> {
  /** It has no outcome yet. */
  readonly open: boolean
  readonly reads: readonly Key[]
  /** Rows that the change it built last rests on. */
  readonly held: readonly Key[]
  /**
   * Its change for this batch; undefined when it needs none. Its outcome then rests on the rows that it
   * saw: it may be settled once these are what the store holds.
   */
  build(rows: Rows, head: Uint8Array | undefined): Change<Entry> | undefined
  /** From here on an abort no longer ends it: its change is on the way to the store. */
  send(): void
  settle(receipt: Receipt | undefined): void
  /** The last attempt may have been applied, or may still be. */
  doubt(attempt: DoubtfulAttempt<Receipt>): void
  /** Ends it as not applied, if that is provable; the head is what the store holds now. */
  refuse(error: unknown, head: Uint8Array | undefined): void
  /** Ends it when its signal was aborted or its time is up. */
  expire(patience: number): void
}

interface Doubt<Receipt> extends DoubtfulAttempt<Receipt> {
  /** What to tell the caller if it was this attempt that landed. */
  readonly applied: ((receipt: Receipt | undefined) => void) | undefined
}

/** A participant that waits for its outcome. */
export class QueuedMember<Entry, Receipt, Value> implements Member<Entry, Receipt> {
  readonly outcome: Promise<Committed<Value, Receipt>>
  readonly #participant: Participant<Entry, Value>
  readonly #started = performance.now()
  readonly #onAbort = (): void => this.#abort()
  #resolve: (committed: Committed<Value, Receipt>) => void = () => undefined
  #reject: (error: unknown) => void = () => undefined
  #state: 'waiting' | 'sent' | 'closed' = 'waiting'
  /** Attempts that may have landed, or may still: each is conditional on a head. */
  readonly #doubts: Doubt<Receipt>[] = []
  #attempts = 0
  #held: readonly Key[] = []
  /** What to tell the caller once the current change is applied. */
  #applied: ((receipt: Receipt | undefined) => void) | undefined

  constructor(participant: Participant<Entry, Value>) {
    this.#participant = participant
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    participant.signal?.addEventListener('abort', this.#onAbort)
    if (participant.signal?.aborted) this.#abort()
  }

  get open(): boolean {
    return this.#state !== 'closed'
  }

  get reads(): readonly Key[] {
    return this.#participant.reads
  }

  get held(): readonly Key[] {
    return this.#held
  }

  build(rows: Rows, head: Uint8Array | undefined): Change<Entry> | undefined {
    this.#state = 'waiting'
    this.#held = []
    const landed = this.#doubts.find(({ wrote }) => isSame(wrote, head))
    if (landed !== undefined) {
      landed.applied?.(landed.receipt)
      return undefined
    }
    try {
      const built = this.#participant.build(rows)
      const resolve = (receipt: Receipt | undefined): void => {
        this.#close()
        this.#resolve({ value: built.value, receipt })
      }
      if (built.kind === 'postponed') return this.#leave(() => resolve(undefined), rows, head)
      this.#applied = resolve
      if (built.kind !== 'change') return undefined
      this.#held = this.#requireRead()
      return built.change
    } catch (error) {
      return this.#leave(() => this.#end(error), rows, head)
    }
  }

  send(): void {
    this.#state = 'sent'
    this.#attempts += 1
  }

  settle(receipt: Receipt | undefined): void {
    if (this.open) this.#applied?.(receipt)
  }

  doubt(attempt: DoubtfulAttempt<Receipt>): void {
    this.#doubts.push({ ...attempt, applied: this.#applied })
  }

  refuse(error: unknown, head: Uint8Array | undefined): void {
    if (!this.#mayStillLand(head)) this.#end(error)
  }

  expire(patience: number): void {
    if (this.#state === 'sent') this.#state = 'waiting'
    if (this.#participant.signal?.aborted) this.#abort()
    if (!this.open || performance.now() - this.#started < patience) return
    this.#end(this.#whyNot())
  }

  #whyNot(): PrivityError {
    const { operationId } = this.#participant
    if (this.#doubts.length > 0) {
      return new PrivityError('outcome_unknown', operationId === undefined ? {} : { operationId })
    }
    // Its turn never came: the store was silent all the time.
    if (this.#attempts === 0) return new PrivityError('store_unavailable', { reason: 'timeout' })
    return new PrivityError('write_conflict', { attempts: this.#attempts })
  }

  #close(): void {
    this.#state = 'closed'
    this.#participant.signal?.removeEventListener('abort', this.#onAbort)
  }

  #end(error: unknown): void {
    this.#close()
    this.#reject(error)
  }

  #abort(): void {
    if (this.#state === 'waiting' && this.#doubts.length === 0)
      this.#end(this.#participant.signal?.reason)
  }

  #requireRead(): readonly Key[] {
    const { held = [], reads } = this.#participant
    if (!held.every((key) => reads.includes(key)))
      throw new TypeError('a participant holds a row that it did not declare')
    return held
  }

  #mayStillLand(head: Uint8Array | undefined): boolean {
    return this.#doubts.some(
      (doubt) => head === undefined || doubt.head === undefined || isSame(doubt.head, head),
    )
  }

  #leave(answer: () => void, rows: Rows, head: Uint8Array | undefined): Change<Entry> | undefined {
    this.#applied = answer
    if (!this.#mayStillLand(head)) return undefined
    // An attempt of unknown outcome is only dead once something else is committed in its place.
    const fence = this.#abandon(rows)
    if (fence === undefined) this.#applied = undefined
    return fence
  }

  #abandon(rows: Rows): Change<Entry> | undefined {
    try {
      return this.#participant.abandon?.(rows)
    } catch {
      // It cannot be voided: it waits until the store shows what became of it.
      return undefined
    }
  }
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && equalBytes(a, b)
}
