import type { Job } from '@atoll/sdk'
import { cx } from './cx.ts'
import { duration, percent } from './format.ts'

/** A bar. `share` null: under way, extent unknown. */
export function Bar({
  share,
  label,
  tone = 'accent',
  className,
}: {
  share: number | null
  label: string
  tone?: 'accent' | 'good' | 'bad' | 'warn'
  className?: string
}) {
  const colours = { accent: 'bg-accent', good: 'bg-good', bad: 'bg-bad', warn: 'bg-warn' }
  const shown = share === null ? null : Math.min(1, Math.max(0, share))
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={shown === null ? undefined : Math.round(shown * 100)}
      className={cx('h-1.5 overflow-hidden rounded-full bg-sunken', className)}
    >
      <div
        className={cx('h-full rounded-full transition-[width]', colours[tone], shown === null && 'w-2/5 animate-pulse')}
        style={shown === null ? undefined : { width: `${shown * 100}%` }}
      />
    </div>
  )
}

/** How far a job is, from 0 to 1; null while unknown. */
export const shareOf = (job: Pick<Job, 'progress'>): number | null =>
  job.progress?.of ? Math.min(1, job.progress.done / job.progress.of) : null

/** "fitting · 40 % · 1 min left". */
export function progressWords(job: Job): string {
  if (job.state === 'queued') return 'waiting for a place'
  if (job.cancelRequested) return 'stopping'
  const progress = job.progress
  if (!progress) return 'starting'
  const share = shareOf(job)
  return [
    progress.message || progress.stage.replaceAll('_', ' '),
    share === null ? null : percent(share, 0),
    progress.etaSeconds == null ? null : `${duration(progress.etaSeconds)} left`,
  ]
    .filter(Boolean)
    .join(' · ')
}
