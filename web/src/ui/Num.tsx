import type { ReactNode } from 'react'
import { cx } from './cx.ts'
import { interval, short } from './format.ts'

/** A number in tabular figures. */
export const Num = ({ value, children, className }: { value?: number | null; children?: ReactNode; className?: string }) => (
  <span className={cx('num whitespace-nowrap', className)}>{children ?? short(value)}</span>
)

/** A value with its interval, "0.91 ± 0.02"; the ends and the method on hover. */
export function WithInterval({
  value,
  low,
  high,
  className,
  method,
}: {
  value: number | null | undefined
  low?: number | null
  high?: number | null
  className?: string
  method?: string
}) {
  if (value == null) return <span className="text-faint">–</span>
  const shown = interval(value, low, high)
  const title =
    low != null && high != null
      ? `${short(value, 6)}, 95 % interval ${short(low)} to ${short(high)}${method ? ` (${method})` : ''}`
      : undefined
  return (
    <span className={cx('num whitespace-nowrap', className)} title={title}>
      {shown.value}
      {shown.spread !== null && <span className="text-faint"> ± {shown.spread}</span>}
    </span>
  )
}
