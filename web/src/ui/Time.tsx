import { useEffect, useState } from 'react'
import { ago, exactTime } from './format.ts'

/** "3 min ago", with the exact time on hover. */
export function Ago({ at }: { at: string | null | undefined }) {
  const now = useNow(30_000)
  if (!at) return <span className="text-faint">–</span>
  return (
    <time dateTime={at} title={exactTime(at)} className="whitespace-nowrap">
      {ago(at, now)}
    </time>
  )
}

/** The time now, renewed every so often. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
  return now
}
