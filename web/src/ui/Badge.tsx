import type { ReactNode } from 'react'
import { cx } from './cx.ts'

export type Tone = 'good' | 'warn' | 'bad' | 'accent' | 'grey'

const tones: Record<Tone, string> = {
  good: 'bg-good-soft text-good',
  warn: 'bg-warn-soft text-warn',
  bad: 'bg-bad-soft text-bad',
  accent: 'bg-accent-soft text-accent',
  grey: 'bg-sunken text-soft',
}
/** A shape beside the colour, so that a state is told without colour. */
const marks: Record<Tone, ReactNode> = {
  good: <path d="M1.5 5.2 4 7.6 8.5 2.6" fill="none" stroke="currentColor" strokeWidth="1.8" />,
  warn: <path d="M5 1.2 9.2 8.8H.8Z" fill="currentColor" />,
  bad: <path d="M2 2l6 6M8 2l-6 6" fill="none" stroke="currentColor" strokeWidth="1.8" />,
  accent: <circle cx="5" cy="5" r="3.2" fill="currentColor" />,
  grey: <circle cx="5" cy="5" r="2.9" fill="none" stroke="currentColor" strokeWidth="1.6" />,
}

export function Badge({
  tone = 'grey',
  children,
  mark = true,
  className,
}: {
  tone?: Tone
  children: ReactNode
  mark?: boolean
  className?: string
}) {
  return (
    <span
      className={cx(
        'inline-flex h-5 max-w-full items-center gap-1 whitespace-nowrap rounded-[5px] px-1.5 text-xs font-medium tracking-normal',
        tones[tone],
        className,
      )}
    >
      {mark && (
        <svg aria-hidden="true" viewBox="0 0 10 10" className="size-2.5 shrink-0">
          {marks[tone]}
        </svg>
      )}
      <span className="truncate">{children}</span>
    </span>
  )
}

const stateTones: Record<string, Tone> = {
  queued: 'grey',
  running: 'accent',
  succeeded: 'good',
  failed: 'bad',
  cancelled: 'grey',
  finished: 'good',
  importing: 'accent',
  making: 'accent',
  ready: 'good',
  starting: 'accent',
  stopped: 'grey',
  registered: 'grey',
  approved: 'good',
  deployed: 'good',
  deprecated: 'warn',
  archived: 'grey',
  quiet: 'good',
  warning: 'warn',
  alert: 'bad',
  too_few_rows: 'grey',
  not_judged: 'grey',
  snoozed: 'grey',
  open: 'warn',
  acknowledged: 'accent',
  closed: 'grey',
  complete: 'good',
  pruned: 'grey',
  active: 'good',
  invited: 'accent',
  disabled: 'grey',
  building: 'accent',
  absent: 'grey',
}

/** The state of anything, in its own word. */
export const StateBadge = ({ state }: { state: string }) => (
  <Badge tone={stateTones[state] ?? 'grey'}>{state.replaceAll('_', ' ')}</Badge>
)
