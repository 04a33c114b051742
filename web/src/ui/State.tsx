import { AtollError } from '@atoll/sdk'
import { CircleAlert, RotateCw } from 'lucide-react'
import type { ReactNode } from 'react'
import { Button } from './Button.tsx'
import { cx } from './cx.ts'

/** What a place looks like before anything is in it: what to do first, and one button. */
export function Empty({
  title,
  children,
  action,
  icon,
}: {
  title: string
  children?: ReactNode
  action?: ReactNode
  icon?: ReactNode
}) {
  return (
    <div className="flex flex-col items-center rounded-lg border border-dashed border-strong px-6 py-10 text-center">
      {icon && <div className="mb-3 text-faint [&_svg]:size-7">{icon}</div>}
      <p className="text-lg font-medium">{title}</p>
      {children && <div className="mt-1 max-w-prose text-soft">{children}</div>}
      {action && <div className="mt-4">{action}</div>}
    </div>
  )
}

/** What happened, to what, and what would help. */
export function ErrorNote({ error, retry, title }: { error: unknown; retry?: () => void; title?: string }) {
  const known = error instanceof AtollError ? error : null
  // What is not there will not be there the next time, and the sentence has said its name.
  const gone = known?.code === 'not_found' || known?.code === 'forbidden'
  const facts =
    known && !gone ? Object.entries(known.facts).filter(([, value]) => value != null && typeof value !== 'object') : []
  return (
    <div role="alert" className="flex gap-2.5 rounded-lg border border-bad/40 bg-bad-soft px-3.5 py-3 text-ink">
      <CircleAlert aria-hidden="true" className="mt-0.5 size-4 shrink-0 text-bad" />
      <div className="min-w-0 flex-1">
        <p className="font-medium">{title ?? heading(known)}</p>
        <p className="mt-0.5 text-soft">{error instanceof Error ? error.message : String(error)}</p>
        {facts.length > 0 && (
          <p className="num mt-1 text-xs text-soft">{facts.map(([name, value]) => `${name}: ${String(value)}`).join(' · ')}</p>
        )}
      </div>
      {retry && !gone && (
        <Button size="sm" onClick={retry} icon={<RotateCw aria-hidden="true" className="size-3.5" />}>
          Try again
        </Button>
      )}
    </div>
  )
}

function heading(error: AtollError | null): string {
  if (!error) return 'That did not work.'
  if (error.code === 'not_found') return 'Not found.'
  if (error.code === 'forbidden') return 'You may not do this.'
  if (error.code === 'unauthenticated') return 'You are signed out.'
  if (error.code === 'unavailable' || error.status >= 500) return 'The server could not answer.'
  return 'That was refused.'
}

/** A grey block of the size of what will come. */
export const Skeleton = ({ className }: { className?: string }) => (
  <div aria-hidden="true" className={cx('skeleton', className)} />
)

/** Lines of text to come. */
export function SkeletonLines({ lines = 3, className }: { lines?: number; className?: string }) {
  return (
    <div className={cx('space-y-2', className)}>
      <span className="sr-only" role="status">
        Loading
      </span>
      {Array.from({ length: lines }, (_, line) => (
        <Skeleton key={line} className={cx('h-4', line === lines - 1 ? 'w-3/5' : 'w-full')} />
      ))}
    </div>
  )
}

type Severity = 'info' | 'warning' | 'serious' | 'good'
const tones: Record<Severity, { box: string; mark: string; word: string }> = {
  good: { box: 'border-good/35 bg-good-soft', mark: 'bg-good', word: 'Good' },
  info: { box: 'border-line bg-sunken', mark: 'bg-faint', word: 'Note' },
  warning: { box: 'border-warn/40 bg-warn-soft', mark: 'bg-warn', word: 'Warning' },
  serious: { box: 'border-bad/40 bg-bad-soft', mark: 'bg-bad', word: 'Serious' },
}

/** A finding: how bad, what, and the next step as a button. */
export function Notice({
  severity,
  children,
  action,
  word,
}: {
  severity: Severity
  children: ReactNode
  action?: ReactNode
  word?: string
}) {
  const tone = tones[severity]
  return (
    <div className={cx('flex flex-wrap items-start gap-x-3 gap-y-2 rounded-md border px-3 py-2', tone.box)}>
      <span className="mt-px inline-flex items-center gap-1.5 text-sm font-semibold">
        <span
          aria-hidden="true"
          className={cx('size-2', severity === 'good' || severity === 'info' ? 'rounded-full' : 'rotate-45', tone.mark)}
        />
        {word ?? tone.word}
      </span>
      <div className="min-w-0 flex-1 basis-60 text-base">{children}</div>
      {action}
    </div>
  )
}
