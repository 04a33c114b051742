import type { Endpoint, LogEntry } from '@atoll/sdk'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { atoll, changed } from '../../api.ts'
import { useRefusal } from '../../app/project.ts'
import { Badge } from '../../ui/Badge.tsx'
import { cell } from '../../ui/format.ts'
import { sayError } from '../../ui/toast.tsx'

type TruthValue = Parameters<typeof atoll.truth.give>[1][number]['value']

/** How truth of a task is given by hand. */
export function wayOf({ task, classes }: Endpoint['signature']): 'choice' | 'number' | null {
  if ((task === 'binary' || task === 'multiclass') && classes && classes.length <= 200) return 'choice'
  if (task === 'anomaly') return 'choice'
  return task === 'regression' || task === 'clustering' ? 'number' : null
}

/** Whether what was answered turned out; null where that is no question of right or wrong. */
export function isRight({ prediction, truth }: LogEntry): boolean | null {
  if (!truth) return null
  const said = prediction.label ?? prediction.isAnomaly
  return said === undefined ? null : String(said) === String(truth.value)
}

/** What turned out, beside the answer; to be given or put right by hand. */
export function TruthCell({ endpoint, entry }: { endpoint: Endpoint; entry: LogEntry }) {
  const { signature } = endpoint
  const refused = useRefusal()
  const way = wayOf(signature)
  const give = useMutation({
    mutationFn: (value: TruthValue) => atoll.truth.give(endpoint.id, [{ id: entry.id, value }]),
    onSuccess: () => changed('captures', 'truth'),
    onError: sayError,
  })
  const right = isRight(entry)
  const known = entry.truth?.value
  const mark = right === null ? null : <Badge tone={right ? 'good' : 'bad'}>{right ? 'right' : 'wrong'}</Badge>
  if (refused || way === null)
    return known === undefined ? (
      <span className="text-faint">–</span>
    ) : (
      <span className="flex items-center gap-2">
        {cell(known)} {mark}
      </span>
    )
  return (
    <span className="flex items-center gap-2">
      {way === 'choice' ? (
        <select
          aria-label={`Truth of ${entry.id}`}
          className="field h-7 w-auto max-w-36 min-w-28 py-0 pr-7 text-sm"
          disabled={give.isPending}
          value={known === undefined ? '' : String(known)}
          onChange={({ target }) =>
            give.mutate(target.value === '' ? null : signature.task === 'anomaly' ? target.value === 'true' : target.value)
          }
        >
          <option value="">not known</option>
          {(signature.task === 'anomaly' ? ['true', 'false'] : signature.classes!).map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      ) : (
        <NumberTruth id={entry.id} value={typeof known === 'number' ? known : null} onGive={(value) => give.mutate(value)} />
      )}
      {mark}
    </span>
  )
}

function NumberTruth({ id, value, onGive }: { id: string; value: number | null; onGive: (value: number | null) => void }) {
  const [text, setText] = useState<string | null>(null)
  const shown = text ?? (value === null ? '' : String(value))
  const tell = () => {
    if (text === null) return
    const now = text.trim() === '' ? null : Number(text)
    if (now !== value && (now === null || Number.isFinite(now))) onGive(now)
    setText(null)
  }
  return (
    <input
      type="number"
      step="any"
      inputMode="decimal"
      placeholder="not known"
      aria-label={`Truth of ${id}`}
      className="field num h-7 w-28 text-right text-sm"
      value={shown}
      onChange={({ target }) => setText(target.value)}
      onBlur={tell}
      onKeyDown={({ key }) => key === 'Enter' && tell()}
    />
  )
}
