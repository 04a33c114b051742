import { PlatformError } from '../../../kernel/errors.ts'
import type { Principal } from '../../../kernel/principal.ts'
import { days } from '../../../kernel/time.ts'
import type { ScalingPolicy } from './schema.ts'

/** What a caller may still ask at once, refilled over time. */
interface Caller {
  left: number
  at: number
}

/** Requests of a caller on a day. */
export interface DayCount {
  requests: number
  rows: number
}

const mostCallers = 10_000

/** Lets requests to an endpoint in, as many as it has room for and each caller may. */
export class Gate {
  rejected = 0
  throttled = 0
  /** When somebody last came. */
  askedAt = Date.now()
  private inside = 0
  private policy: ScalingPolicy
  private readonly callers = new Map<string, Caller>()
  private day = 0
  /** By caller, of the current day. */
  private counts = new Map<string, DayCount>()
  /** Counted since they were last kept. */
  private fresh = new Map<string, DayCount>()
  private readonly name: string

  constructor(name: string, policy: ScalingPolicy) {
    this.name = name
    this.policy = policy
  }

  setPolicy(policy: ScalingPolicy): void {
    this.policy = policy
  }

  get inFlight(): number {
    return this.inside
  }

  /** Refuses with rate_limited; else the request is inside until `leave`. */
  enter(by: Principal, now: number): void {
    const { maxInFlight, perCaller } = this.policy
    this.askedAt = now
    if (this.inside >= maxInFlight) {
      this.rejected++
      throw new PlatformError(
        'rate_limited',
        `The endpoint "${this.name}" answers ${this.inside} requests at once and takes no more. Try again in a moment.`,
        { retryAfterSeconds: 1, maxInFlight },
      )
    }
    if (perCaller.perSecond !== null) this.takeFrom(callerOf(by), perCaller.perSecond, now)
    if (perCaller.perDay !== null) this.checkDay(callerOf(by), perCaller.perDay, now)
    this.inside++
  }

  leave(by: Principal, now: number, rows: number): void {
    this.inside--
    this.turnDay(now)
    const caller = callerOf(by)
    count(this.counts, caller, rows)
    count(this.fresh, caller, rows)
  }

  private takeFrom(caller: string, perSecond: number, now: number): void {
    const most = Math.max(1, 2 * perSecond)
    const known = this.callers.get(caller)
    const left = known ? Math.min(most, known.left + ((now - known.at) / 1000) * perSecond) : most
    if (!known && this.callers.size >= mostCallers) this.callers.clear()
    if (left < 1) {
      this.throttled++
      const retryAfterSeconds = Math.max(1, Math.ceil((1 - left) / perSecond))
      throw new PlatformError(
        'rate_limited',
        `You may ask "${this.name}" ${perSecond} times a second. Try again in ${retryAfterSeconds} s.`,
        { retryAfterSeconds, perSecond },
      )
    }
    this.callers.set(caller, { left: left - 1, at: now })
  }

  private checkDay(caller: string, perDay: number, now: number): void {
    this.turnDay(now)
    if ((this.counts.get(caller)?.requests ?? 0) < perDay) return
    this.throttled++
    const retryAfterSeconds = Math.ceil(((this.day + 1) * days(1) - now) / 1000)
    throw new PlatformError(
      'rate_limited',
      `You may ask "${this.name}" ${perDay} times a day, and have today. It begins anew at midnight UTC.`,
      { retryAfterSeconds, perDay },
    )
  }

  private turnDay(now: number): void {
    const day = Math.floor(now / days(1))
    if (day === this.day) return
    this.day = day
    this.counts = new Map()
  }

  /** What was counted on a day before this process began. */
  remember(day: number, caller: string, { requests, rows }: DayCount): void {
    this.turnDay(Date.now())
    if (day !== this.day) return
    const known = this.counts.get(caller) ?? { requests: 0, rows: 0 }
    this.counts.set(caller, { requests: known.requests + requests, rows: known.rows + rows })
  }

  /** Counted since the last call, to be kept. */
  takeFresh(): { day: number; counts: Map<string, DayCount> } {
    const counts = this.fresh
    this.fresh = new Map()
    return { day: Math.floor(Date.now() / days(1)), counts }
  }
}

function count(into: Map<string, DayCount>, caller: string, rows: number): void {
  const known = into.get(caller)
  if (known) {
    known.requests++
    known.rows += rows
  } else into.set(caller, { requests: 1, rows })
}

const callerOf = (by: Principal): string => by.userId ?? by.credential.id ?? 'nobody'
