import { ShieldCheck } from 'lucide-react'
import { isActive, useJob } from '../jobs/use-job.ts'
import { Button } from '../ui/Button.tsx'
import { whole } from '../ui/format.ts'
import { NounLink } from '../ui/NounLink.tsx'
import { Section } from '../ui/Page.tsx'
import { Bar, progressWords, shareOf } from '../ui/Progress.tsx'
import { ErrorNote, SkeletonLines } from '../ui/State.tsx'

interface Imported {
  model: string
  version: number
  served: 'onnx' | 'python' | 'gguf'
  parity: { rows: number; flips: number; maxDiff: number } | null
  notes: string[]
}

const answers = {
  onnx: 'A graph answers, in a process of its own.',
  python: 'Its own library answers, in a sandboxed Python process.',
  gguf: 'llama.cpp answers, in a process of its own.',
}

/** An import under way, then what came of it. */
export function ImportProgress({ job: id, again }: { job: string; again: () => void }) {
  const { data: job, error } = useJob(id)
  if (error) return <ErrorNote error={error} />
  if (!job) return <SkeletonLines lines={3} />
  const result = job.state === 'succeeded' ? (job.result as unknown as Imported) : null
  return (
    <Section title={job.name}>
      {isActive(job) && (
        <>
          <Bar share={job.state === 'queued' ? 0 : shareOf(job)} label="Progress" className="h-2" />
          <p className="num mt-2 text-soft" role="status">
            {progressWords(job)}
          </p>
        </>
      )}
      {job.failure && (
        <div className="space-y-3">
          <ErrorNote title="It was not imported." error={job.failure.message} />
          <Button onClick={again}>Change what was said</Button>
        </div>
      )}
      {result && (
        <div className="space-y-3" role="status">
          <p className="flex items-start gap-2">
            <ShieldCheck aria-hidden="true" className="mt-0.5 size-5 shrink-0 text-good" />
            <span>
              <NounLink noun="model" to={result.model} search={{ version: String(result.version) }}>
                {`${result.model}:${result.version}`}
              </NounLink>{' '}
              is registered. {answers[result.served]}{' '}
              {result.parity
                ? `The original and what is served were asked for ${whole(result.parity.rows)} rows: ${result.parity.flips === 0 ? 'no answer differs' : `${whole(result.parity.flips)} answers differ`}.`
                : 'It was not compared with the original.'}
            </span>
          </p>
          <ul className="list-disc space-y-1 pl-5 text-sm text-soft">
            {result.notes.map((note) => (
              <li key={note}>{note}</li>
            ))}
          </ul>
        </div>
      )}
      <p className="mt-4 text-sm">
        <NounLink noun="job" to={id}>
          The job
        </NounLink>
      </p>
    </Section>
  )
}
