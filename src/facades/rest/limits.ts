import { PlatformError } from '../../kernel/errors.ts'
import type { RouteRecord } from '../../kernel/route.ts'

export interface Limit {
  /** Calls at once. */
  burst: number
  perSecond: number
}

export type LimitName = 'signIn' | 'secrets' | 'write' | 'read' | 'predict' | 'stranger' | 'guess'
export type Limits = Record<LimitName, Limit>

/** By credential, account or address; see `bucketOf`. */
export const defaultLimits: Limits = {
  signIn: { burst: 30, perSecond: 0.5 },
  secrets: { burst: 30, perSecond: 0.5 },
  write: { burst: 2000, perSecond: 200 },
  read: { burst: 5000, perSecond: 500 },
  predict: { burst: 200_000, perSecond: 100_000 },
  stranger: { burst: 300, perSecond: 30 },
  guess: { burst: 60, perSecond: 2 },
}

/** Which limit a route falls under for somebody who is signed in. */
export function limitOf(record: Pick<RouteRecord, 'method' | 'permission' | 'path'>): LimitName {
  if (record.permission === 'endpoints:predict') return 'predict'
  if (record.permission === 'session:create') return 'signIn'
  if (record.method === 'GET') return 'read'
  if (record.permission === 'tokens:manage-own' || record.path.endsWith('/sign-in-link') || record.path.endsWith('/password'))
    return 'secrets'
  return 'write'
}

const maxBuckets = 50_000

interface Bucket {
  left: number
  at: number
  limit: Limit
  name: LimitName
}

/** Token buckets in memory. */
export function rateLimiter(limits: Limits, clock: () => number = Date.now) {
  const buckets = new Map<string, Bucket>()

  /** The bucket of one caller for one kind of call. A connection may hold on to it. */
  function bucketOf(name: LimitName, who: string): Bucket {
    const key = `${name} ${who}`
    let bucket = buckets.get(key)
    if (!bucket) {
      if (buckets.size >= maxBuckets) buckets.delete(buckets.keys().next().value as string)
      bucket = { left: limits[name].burst, at: clock(), limit: limits[name], name }
      buckets.set(key, bucket)
    }
    return bucket
  }

  /** Takes one call from a bucket, or refuses. */
  function takeFrom(bucket: Bucket): void {
    const { burst, perSecond } = bucket.limit
    const now = clock()
    if (now > bucket.at) {
      bucket.left = Math.min(burst, bucket.left + ((now - bucket.at) * perSecond) / 1000)
      bucket.at = now
    }
    if (bucket.left < 1) {
      const retryAfterSeconds = Math.ceil((1 - bucket.left) / perSecond)
      throw new PlatformError('rate_limited', `Too many calls. Try again in ${retryAfterSeconds} s.`, {
        retryAfterSeconds,
        limit: bucket.name,
      })
    }
    bucket.left--
  }

  return { bucketOf, takeFrom, take: (name: LimitName, who: string) => takeFrom(bucketOf(name, who)) }
}

export type RateLimiter = ReturnType<typeof rateLimiter>
