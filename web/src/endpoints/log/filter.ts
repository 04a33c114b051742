import type { LogQuery } from '@atoll/sdk'

/** What the log is searched for, as it stands in the address. */
export type Filter = Omit<LogQuery, 'cursor' | 'limit' | 'project' | 'from' | 'to' | 'above' | 'below' | 'truth'> & {
  /** How far back, in hours. */
  hours?: string
  above?: string
  below?: string
  truth?: NonNullable<LogQuery['truth']>
}

const truths = ['known', 'unknown', 'right', 'wrong'] as const

export function readFilter(text: string | undefined): Filter {
  const { truth, ...rest } = Object.fromEntries(new URLSearchParams(text ?? ''))
  const known = truths.find((one) => one === truth)
  return { ...rest, ...(known && { truth: known }) }
}

export function writeFilter(filter: Filter): string | undefined {
  const given = Object.entries(filter).filter(([, value]) => value !== undefined && value !== '') as [string, string][]
  return given.length === 0 ? undefined : new URLSearchParams(given).toString()
}

const numberOf = (text: string | undefined): number | undefined =>
  text !== undefined && text !== '' && Number.isFinite(Number(text)) ? Number(text) : undefined

/** The same as the server is asked. Times are cut to the minute, so that a page that is drawn again asks the same. */
export function queryOf({ hours, above, below, ...rest }: Filter, now = Date.now()): Omit<LogQuery, 'cursor' | 'limit'> {
  const back = numberOf(hours)
  const minute = Math.floor(now / 60_000) * 60_000
  return {
    ...rest,
    above: numberOf(above),
    below: numberOf(below),
    ...(back !== undefined && { from: new Date(minute - back * 3_600_000).toISOString() }),
  }
}

/** The address of a file with all that meets the filter. */
export function exportAddress(endpoint: string, filter: Filter, format: 'csv' | 'parquet'): string {
  const given = Object.entries({ ...queryOf(filter), format }).filter(([, value]) => value !== undefined)
  return `/v1/endpoints/${endpoint}/log/export?${new URLSearchParams(given as [string, string][])}`
}
