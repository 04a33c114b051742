import type { Dataset, DatasetVersion } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { atoll } from '../api.ts'
import { Section } from '../ui/Page.tsx'
import { Empty, ErrorNote, Skeleton } from '../ui/State.tsx'
import { AskForm } from './AskForm.tsx'
import { type Asked, bodyOf, facetName, firstFacets, readAsked, writeAsked } from './asked.ts'
import { ReportView } from './ReportView.tsx'

/** Before training: how the labels are spread over groups of people. */
export function DataBiasTab({ dataset, version }: { dataset: Dataset; version: DatasetVersion }) {
  const navigate = useNavigate()
  const asked = readAsked(useSearch({ strict: false }).bias)
  const report = useQuery({
    queryKey: ['bias', version.id, asked],
    queryFn: () => atoll.bias.data({ ...bodyOf(asked!), dataset: dataset.id, version: version.id }),
    enabled: asked !== null,
    staleTime: Number.POSITIVE_INFINITY,
  })
  const ask = (next: Asked) =>
    void navigate({ to: '.', search: (old) => ({ ...old, bias: writeAsked(next) }), resetScroll: false })
  if (dataset.target === null)
    return (
      <Empty title="Which column is the outcome?">
        Set the target of the data set first: a bias report compares how often groups have the favourable outcome.
      </Empty>
    )
  const target = version.columns.find(({ name }) => name === dataset.target)
  const isNumber = target?.type === 'number'
  return (
    <div className="space-y-6">
      <Section title="Groups to compare" note={`The outcome is ${dataset.target}; a facet need not be an input of any model.`}>
        <AskForm
          columns={version.columns}
          label={dataset.target}
          classes={isNumber ? null : undefined}
          initial={
            asked ?? { facets: firstFacets(version.columns, dataset.target), cross: false, favourable: null, stratum: null }
          }
          busy={report.isFetching}
          onAsk={ask}
        />
      </Section>
      {report.error ? (
        <ErrorNote error={report.error} retry={() => void report.refetch()} />
      ) : report.data ? (
        <ReportView
          report={report.data}
          dataset={dataset}
          onReference={(facet, reference) =>
            ask({ ...asked!, facets: asked!.facets.map((one) => (facetName(one) === facet ? { ...one, reference } : one)) })
          }
        />
      ) : (
        asked && <Skeleton className="h-96" />
      )}
    </div>
  )
}
