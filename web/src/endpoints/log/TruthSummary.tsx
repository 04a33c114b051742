import type { Endpoint } from '@atoll/sdk'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useRef } from 'react'
import { atoll, changed } from '../../api.ts'
import { useRefusal } from '../../app/project.ts'
import { Button } from '../../ui/Button.tsx'
import { percent, whole } from '../../ui/format.ts'
import { Num, WithInterval } from '../../ui/Num.tsx'
import { Fact, Facts } from '../../ui/Page.tsx'
import { say, sayError } from '../../ui/toast.tsx'

const days = 30
const names = { accuracy: 'Accuracy', f1: 'F1', mae: 'Mean absolute error' } as const

/** How much of the last month is known by now, and how right it was. */
export function TruthSummary({ endpoint }: { endpoint: Endpoint }) {
  const summary = useQuery({
    queryKey: ['truth', endpoint.id, days],
    queryFn: () => atoll.truth.summary(endpoint.id, { days }),
    staleTime: 60_000,
    placeholderData: (old) => old,
  })
  const data = summary.data
  // A task whose truth is not kept says so where one would give it, not here.
  if (summary.error || (data && data.captured === 0)) return null
  return (
    <Facts className="mb-4">
      <Fact label={`Captured, last ${days} days`}>
        <Num>{data ? whole(data.captured) : '–'}</Num>
      </Fact>
      <Fact label="With truth" note={data ? percent(data.labelled / data.captured) : undefined}>
        <Num>{data ? whole(data.labelled) : '–'}</Num>
      </Fact>
      {Object.entries(names).map(([key, name]) => {
        const figure = data?.score?.[key as keyof typeof names]
        return (
          figure && (
            <Fact key={key} label={name} note="of those with truth">
              <WithInterval {...figure} />
            </Fact>
          )
        )
      })}
    </Facts>
  )
}

/** Truth from a CSV or Parquet file. */
export function TruthFile({ endpoint }: { endpoint: Endpoint }) {
  const refused = useRefusal()
  const picker = useRef<HTMLInputElement>(null)
  const send = useMutation({
    mutationFn: async (file: File) => {
      const upload = await atoll.uploads.send(file, { filename: file.name })
      return atoll.truth.fromUpload(endpoint.id, upload.id)
    },
    onSuccess: ({ stored, unchanged, unmatched }) => {
      changed('captures', 'truth')
      say(`${whole(stored)} stored, ${whole(unchanged)} known already, ${whole(unmatched)} of no captured prediction yet.`)
    },
    onError: sayError,
  })
  return (
    <>
      <input
        ref={picker}
        type="file"
        accept=".csv,.tsv,.txt,.parquet"
        aria-label="A file with truth"
        className="sr-only"
        tabIndex={-1}
        onChange={({ target }) => {
          const [file] = target.files ?? []
          if (file) send.mutate(file)
          target.value = ''
        }}
      />
      <Button
        size="sm"
        why={refused}
        busy={send.isPending}
        title="CSV or Parquet with the columns id or key, value, and at if wanted"
        onClick={() => picker.current?.click()}
      >
        Truth from a file
      </Button>
    </>
  )
}
