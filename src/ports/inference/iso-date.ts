const pattern = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?)?$/

/** Milliseconds since 1970 of an ISO 8601 date or time (UTC where it names no zone); NaN when it is not one. Keeps fractions of a millisecond. */
export function parseIsoDate(text: string): number {
  const parts = pattern.exec(text)
  if (!parts) return Number.NaN
  const year = Number(parts[1])
  const month = Number(parts[2])
  const day = Number(parts[3])
  const hour = Number(parts[4] ?? 0)
  const minute = Number(parts[5] ?? 0)
  const second = Number(parts[6] ?? 0)
  if (hour > 23 || minute > 59 || second > 59) return Number.NaN
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  // 31 April would silently become 1 May.
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return Number.NaN
  const fraction = parts[7] ? Number(`0.${parts[7]}`) * 1000 : 0
  return date.getTime() + ((hour * 60 + minute) * 60 + second) * 1000 + fraction - offsetMs(parts[8])
}

function offsetMs(zone: string | undefined): number {
  if (zone === undefined || zone === 'Z') return 0
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2))
  return (zone[0] === '-' ? -minutes : minutes) * 60_000
}
