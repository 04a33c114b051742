import { Button } from '../ui/Button.tsx'
import { bytes, duration, percent } from '../ui/format.ts'
import { Bar } from '../ui/Progress.tsx'
import { ErrorNote } from '../ui/State.tsx'
import type { UploadState } from './use-upload.ts'

export function UploadProgress({
  state,
  onPause,
  onResume,
  onCancel,
}: {
  state: UploadState
  onPause: () => void
  onResume: () => void
  onCancel: () => void
}) {
  const share = state.file.size ? state.sent / state.file.size : 1
  const left = state.bytesPerSecond ? (state.file.size - state.sent) / state.bytesPerSecond : null
  return (
    <div className="rounded-lg border bg-surface p-4">
      <div className="mb-2 flex flex-wrap items-center justify-between gap-2">
        <p className="min-w-0 truncate font-medium">{state.file.name}</p>
        <p className="num text-soft">
          {bytes(state.sent)} of {bytes(state.file.size)} · {percent(share, 0)}
          {!state.paused && left !== null && ` · ${duration(left)} left`}
        </p>
      </div>
      <Bar share={share} label="Upload" tone={state.error ? 'bad' : 'accent'} />
      {state.error && (
        <div className="mt-3">
          <ErrorNote error={state.error} title="The upload stopped." retry={onResume} />
        </div>
      )}
      <div className="mt-3 flex gap-2">
        {state.paused ? (
          <Button size="sm" look="primary" onClick={onResume}>
            Go on
          </Button>
        ) : (
          !state.error && (
            <Button size="sm" onClick={onPause}>
              Pause
            </Button>
          )
        )}
        <Button size="sm" look="quiet" onClick={onCancel}>
          Cancel
        </Button>
      </div>
    </div>
  )
}
