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
  /** Its change for this batch; undefined when it has an outcome without one. */
  build(rows: Rows, head: Uint8Array | undefined): Change<Entry> | undefined
  /** From here on an abort no longer ends it: the store has been asked. */
  send(): void
  settle(receipt: Receipt | undefined): void
  /** The last attempt may have been applied, or may still be. */
  doubt(attempt: DoubtfulAttempt<Receipt>): void
  /** Ends it as not applied, if that is provable; the head is what the store holds now. */
  refuse(error: unknown, head: Uint8Array | undefined): void
  /** Ends it when its signal was aborted or its time is up. */
  expire(patience: number): void
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
  #doubt: DoubtfulAttempt<Receipt> | undefined
  #attempts = 0
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

  build(rows: Rows, head: Uint8Array | undefined): Change<Entry> | undefined {
    this.#state = 'waiting'
    if (this.#hasLanded(head)) {
      this.#applied?.(this.#doubt?.receipt)
      return undefined
    }
    try {
      const built = this.#participant.build(rows)
      this.#applied = (receipt) => {
        this.#close()
        this.#resolve({ value: built.value, receipt })
      }
      if (built.kind === 'change') return built.change
      this.#applied(undefined)
      return undefined
    } catch (error) {
      return this.#eject(error, rows, head)
    }
  }

  send(): void {
    this.#state = 'sent'
    this.#attempts += 1
  }

  settle(receipt: Receipt | undefined): void {
    this.#applied?.(receipt)
  }

  doubt(attempt: DoubtfulAttempt<Receipt>): void {
    this.#doubt = attempt
  }

  refuse(error: unknown, head: Uint8Array | undefined): void {
    if (!this.#mayStillLand(head)) this.#end(error)
  }

  expire(patience: number): void {
    if (this.#state === 'sent') this.#state = 'waiting'
    if (this.#participant.signal?.aborted) this.#abort()
    if (!this.open || performance.now() - this.#started < patience) return
    const { operationId } = this.#participant
    if (this.#doubt === undefined)
      this.#end(new PrivityError('write_conflict', { attempts: this.#attempts }))
    else
      this.#end(
        new PrivityError('outcome_unknown', operationId === undefined ? {} : { operationId }),
      )
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
    if (this.#state === 'waiting' && this.#doubt === undefined)
      this.#end(this.#participant.signal?.reason)
  }

  #hasLanded(head: Uint8Array | undefined): boolean {
    const wrote = this.#doubt?.wrote
    return wrote !== undefined && head !== undefined && equalBytes(wrote, head)
  }

  #mayStillLand(head: Uint8Array | undefined): boolean {
    if (this.#doubt === undefined) return false
    const { head: before } = this.#doubt
    return head === undefined || before === undefined || equalBytes(before, head)
  }

  #eject(error: unknown, rows: Rows, head: Uint8Array | undefined): Change<Entry> | undefined {
    if (!this.#mayStillLand(head)) {
      this.#end(error)
      return undefined
    }
    // An attempt of unknown outcome is only dead once something else is committed in its place.
    this.#applied = () => this.#end(error)
    return this.#participant.abandon?.(rows)
  }
}
