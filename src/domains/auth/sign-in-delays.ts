import { PlatformError } from '../../kernel/errors.ts'
import { fingerprint } from './secrets.ts'

const freeAttempts = 5
const firstDelayMs = 1000
const longestDelayMs = 15 * 60_000
const forgetAfterMs = 60 * 60_000
const maxEntries = 50_000
/** An account under attack from many addresses slows down too, but later: a stranger must not lock anybody out. */
const freeAttemptsOfAccount = 50

interface Attempts {
  failures: number
  lastAt: number
}

/** Growing delays after failed sign-ins, by account and address. The same whether the account exists or not. */
export function signInDelays(clock: () => number = Date.now) {
  const attempts = new Map<string, Attempts>()
  const keyOf = (account: string, address: string) => `${fingerprint(account)} ${address}`
  const keys = (account: string, address: string) =>
    [
      [keyOf(account, address), freeAttempts],
      [keyOf(account, '*'), freeAttemptsOfAccount],
      [keyOf('*', address), freeAttemptsOfAccount],
    ] as const

  function check(account: string, address: string): void {
    const now = clock()
    for (const [key, free] of keys(account, address)) {
      const past = attempts.get(key)
      if (!past) continue
      const waitMs = past.lastAt + delayAfter(past.failures, free) - now
      if (waitMs <= 0) continue
      const retryAfterSeconds = Math.ceil(waitMs / 1000)
      throw new PlatformError('rate_limited', `Too many failed sign-ins. Try again in ${retryAfterSeconds} s.`, {
        retryAfterSeconds,
      })
    }
  }

  function failed(account: string, address: string): void {
    const now = clock()
    for (const [key] of keys(account, address)) {
      const past = attempts.get(key)
      attempts.delete(key)
      const failures = past && now - past.lastAt < forgetAfterMs ? past.failures + 1 : 1
      attempts.set(key, { failures, lastAt: now })
    }
    while (attempts.size > maxEntries) attempts.delete(attempts.keys().next().value as string)
  }

  function succeeded(account: string, address: string): void {
    for (const [key] of keys(account, address)) {
      const past = attempts.get(key)
      if (!past) continue
      if (key.endsWith(' *') || key === keyOf('*', address)) past.failures--
      else attempts.delete(key)
    }
  }

  return { check, failed, succeeded }
}

const delayAfter = (failures: number, free: number): number =>
  failures < free ? 0 : Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(failures - free, 20))
