import type { BatchTransform } from '@atoll/sdk'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { Download } from 'lucide-react'
import { atoll, changed } from '../api.ts'
import { useProjectRef, useRefusal } from '../app/project.ts'
import { isActive, useJob } from '../jobs/use-job.ts'
import { StateBadge } from '../ui/Badge.tsx'
import { Button, buttonClass } from '../ui/Button.tsx'
import { bytes, cell, duration, whole } from '../ui/format.ts'
import { NounLink } from '../ui/NounLink.tsx'
import { Page, Section } from '../ui/Page.tsx'
import { Bar, progressWords, shareOf } from '../ui/Progress.tsx'
import { ErrorNote, Notice, SkeletonLines } from '../ui/State.tsx'
import { sayError } from '../ui/toast.tsx'

/** One batch transform: how far it is, then what it made. */
export function TransformPage() {
  const project = useProjectRef()
  const refused = useRefusal()
  const ref = useParams({ strict: false }).transform ?? ''
  const transform = useQuery({
    queryKey: ['transform', project, ref],
    queryFn: () => atoll.transforms.get(ref, { project }),
    refetchInterval: (query) => (query.state.data && isActive(query.state.data) ? 1500 : false),
  })
  const { data: job } = useJob(transform.data?.job ?? null)
  const cancel = useMutation({
    mutationFn: () => atoll.transforms.cancel(ref, { project }),
    onSuccess: () => changed('transform', 'transforms', 'job'),
    onError: sayError,
  })
  const again = useMutation({
    mutationFn: () => atoll.jobs.retry(transform.data!.job),
    onSuccess: () => changed('transform', 'transforms', 'job'),
    onError: sayError,
  })
  const { data } = transform
  if (!data)
    return (
      <Page title="Transform">
        {transform.error ? (
          <ErrorNote error={transform.error} retry={() => void transform.refetch()} />
        ) : (
          <SkeletonLines lines={6} />
        )}
      </Page>
    )
  return (
    <Page
      title={data.name}
      kicker={<StateBadge state={data.state} />}
      lead={
        <>
          {data.rows} with{' '}
          <NounLink noun="model" to={data.model} search={{ version: String(data.versionNumber) }}>
            {`${data.modelName}:${data.versionNumber}`}
          </NounLink>
        </>
      }
      actions={
        <>
          {data.result?.file && (
            <a className={buttonClass('primary')} href={atoll.transforms.resultUrl(data.id)} download>
              <Download aria-hidden="true" className="size-4" />
              Download {bytes(data.result.file.sizeBytes)}
            </a>
          )}
          {isActive(data) && (
            <Button why={refused} busy={cancel.isPending} onClick={() => cancel.mutate()}>
              Cancel
            </Button>
          )}
          {(data.state === 'failed' || data.state === 'cancelled') && (
            <Button why={refused} busy={again.isPending} onClick={() => again.mutate()}>
              Try again
            </Button>
          )}
        </>
      }
    >
      {isActive(data) && job && (
        <Section title="Under way">
          <Bar share={job.state === 'queued' ? 0 : shareOf(job)} label="Progress" className="h-2" />
          <p className="num mt-2 text-soft" role="status">
            {progressWords(job)}
          </p>
        </Section>
      )}
      {data.failure && <ErrorNote title="It failed." error={data.failure} />}
      {data.state === 'cancelled' && (
        <Notice severity="info" word="Cancelled">
          There is no result. What was answered is kept for a while: Try again goes on from there.
        </Notice>
      )}
      {data.result && <Result transform={data} />}
      <p className="mt-6 text-sm">
        <NounLink noun="job" to={data.job}>
          The job
        </NounLink>
      </p>
    </Page>
  )
}

function Result({ transform }: { transform: BatchTransform }) {
  const { rows, bad, seconds, ran, dataset, file } = transform.result!
  const facts: [string, React.ReactNode][] = [
    ['Rows', whole(rows)],
    ['Without an answer', whole(bad)],
    ['Read', duration(seconds.read)],
    ['Predicted', `${duration(seconds.predict)}${seconds.predict > 0 ? `, ${whole(rows / seconds.predict)} rows a second` : ''}`],
    ['Written', duration(seconds.write)],
    ['By', ran],
  ]
  return (
    <div className="space-y-6">
      <Section title="What it made">
        <dl className="grid grid-cols-[max-content_1fr] gap-x-6 gap-y-1">
          {facts.map(([term, fact]) => (
            <div key={term} className="contents">
              <dt className="text-soft">{term}</dt>
              <dd className="num">{fact}</dd>
            </div>
          ))}
          {dataset && (
            <div className="contents">
              <dt className="text-soft">Data set</dt>
              <dd>
                <NounLink noun="dataset" to={dataset.id}>
                  the rows with their predictions
                </NounLink>
              </dd>
            </div>
          )}
        </dl>
      </Section>
      <Noticed {...transform.result!} />
      {file && <Preview transform={transform} />}
    </div>
  )
}

/** Documents that could not be read, and whatever else was noticed. */
function Noticed({ documents, notes }: Pick<NonNullable<BatchTransform['result']>, 'documents' | 'notes'>) {
  const unread = documents?.unread ?? []
  const leftOut = documents?.leftOut ?? []
  if (unread.length + leftOut.length + notes.length === 0) return null
  return (
    <Section title="Not read">
      <ul className="space-y-1 text-sm">
        {unread.map(({ path, why }) => (
          <li key={path}>
            <strong className="break-all">{path}</strong> {why}.
          </li>
        ))}
        {documents && documents.unreadCount > unread.length && <li>And {documents.unreadCount - unread.length} more.</li>}
        {leftOut.map(({ path, why }) => (
          <li key={path} className="text-soft">
            <span className="break-all">{path}</span> was left out: {why}.
          </li>
        ))}
        {notes.map((note) => (
          <li key={note}>{note}</li>
        ))}
      </ul>
    </Section>
  )
}

function Preview({ transform }: { transform: BatchTransform }) {
  const preview = useQuery({
    queryKey: ['transform', transform.id, 'rows'],
    queryFn: () => atoll.transforms.rows(transform.id, { limit: 20 }),
  })
  const answers = new Set(transform.result!.answers)
  // What the model said is looked at first, however many columns the rows have.
  const order = (preview.data?.columns ?? [])
    .map((name, at) => ({ name, at }))
    .sort((a, b) => Number(answers.has(b.name)) - Number(answers.has(a.name)) || a.at - b.at)
  return (
    <Section title="First rows">
      {preview.error ? (
        <ErrorNote error={preview.error} />
      ) : !preview.data ? (
        <SkeletonLines lines={5} />
      ) : (
        <section className="overflow-x-auto rounded-lg border" tabIndex={0} aria-label="First rows">
          <table className="w-full text-sm">
            <thead>
              <tr className="border-b text-left text-soft">
                {order.map(({ name }) => (
                  <th key={name} scope="col" className="whitespace-nowrap px-3 py-2 font-medium">
                    {answers.has(name) ? <strong>{name}</strong> : name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {preview.data.rows.map((row, r) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: rows have no other name, and do not move
                <tr key={r} className="border-b last:border-0">
                  {order.map(({ name, at }) => (
                    <td key={name} className="num max-w-80 truncate whitespace-nowrap px-3 py-1.5">
                      {cell(row[at])}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </Section>
  )
}
