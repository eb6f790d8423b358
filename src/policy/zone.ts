const DAY = 86_400_000
const MAX_SHOWN = 1024
// To make one takes as long as to ask it many times.
const FORMATS: Map<string, Intl.DateTimeFormat> = /* @__PURE__ */ new Map()
// All fields of a record count from the same moments, and most records end in the same few years.
const SHOWN: Map<string, number> = /* @__PURE__ */ new Map()

/** Tells whether the platform knows a time zone by this name. */
export function isZone(name: string): boolean {
  try {
    // Some platforms take offsets too, which are no calendar of a country.
    return /^[a-z]/i.test(name) && formatOf(name) !== undefined
  } catch {
    return false
  }
}

/** What a clock in a zone shows at a moment, as the milliseconds at which one in UTC shows the same. */
export function clockAt(ms: number, zone: string | undefined): number {
  if (zone === undefined) return ms
  const key = `${ms} ${zone}`
  const shown = SHOWN.get(key) ?? read(ms, zone)
  if (SHOWN.size >= MAX_SHOWN) SHOWN.clear()
  SHOWN.set(key, shown)
  return shown
}

/** When a clock in a zone shows a time: the second time if it does so twice, and as much later as it skips if never. */
export function momentOf(clock: number, zone: string | undefined): number {
  if (zone === undefined) return clock
  // No offset reaches a day, and no zone changed its offset twice in two.
  const after = clock - offsetAt(clock + DAY, zone)
  return clockAt(after, zone) === clock ? after : clock - offsetAt(clock - DAY, zone)
}

function offsetAt(ms: number, zone: string): number {
  return clockAt(ms, zone) - ms
}

function read(ms: number, zone: string): number {
  const shown = formatOf(zone).format(ms).match(/\d+/g) ?? []
  const [month = 0, day, year = 0, hour, minute, second] = shown.map(Number)
  return Date.UTC(year, month - 1, day, hour, minute, second) + ms - Math.floor(ms / 1000) * 1000
}

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = FORMATS.get(zone)
  if (known !== undefined) return known
  const two = '2-digit'
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: two,
    day: two,
    hour: two,
    minute: two,
    second: two,
  })
  FORMATS.set(zone, format)
  return format
}
