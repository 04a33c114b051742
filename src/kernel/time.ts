/** Milliseconds since 1970 everywhere inside; ISO 8601 in UTC at every face. */
export type Milliseconds = number

export const toIso = (ms: Milliseconds): string => new Date(ms).toISOString()
export const toIsoOrNull = (ms: Milliseconds | null | undefined): string | null => (ms == null ? null : toIso(ms))

export const seconds = (n: number): Milliseconds => n * 1000
export const minutes = (n: number): Milliseconds => n * 60_000
export const days = (n: number): Milliseconds => n * 86_400_000
