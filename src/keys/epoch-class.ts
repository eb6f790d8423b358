/** An access class under one epoch of the provider. */
export interface EpochClass {
  readonly epoch: number
  readonly accessClass: number
}

/** A class of an epoch as the row of its key is called, without what all are called. */
export function parseSlot(name: string): EpochClass {
  const [epoch = '', accessClass = ''] = name.split('/')
  return { epoch: Number.parseInt(epoch, 16), accessClass: Number.parseInt(accessClass, 16) }
}

/** A class of an epoch, as what is wrapped for it is bound to. */
export function nameOfSlot({ epoch, accessClass }: EpochClass): string {
  return `${epoch}/${accessClass}`
}
