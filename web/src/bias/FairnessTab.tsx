import type { Model, ModelVersion } from '@atoll/sdk'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { atoll, changed } from '../api.ts'
import { useRefusal } from '../app/project.ts'
import { Button } from '../ui/Button.tsx'
import { Section } from '../ui/Page.tsx'
import { Empty, ErrorNote, Notice, Skeleton } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'
import { say, sayError } from '../ui/toast.tsx'
import { AskForm } from './AskForm.tsx'
import { type Asked, bodyOf, facetName, firstFacets, readAsked, writeAsked } from './asked.ts'
import { PoliciesOfVersion } from './PoliciesOfVersion.tsx'
import { ReportView } from './ReportView.tsx'

/** After training: how a version treats groups of people, on its sealed rows. */
export function FairnessTab({ model, version }: { model: Model; version: ModelVersion }) {
  const navigate = useNavigate()
  const refused = useRefusal()
  const asked = readAsked(useSearch({ strict: false }).bias)
  const dataset = useQuery({ queryKey: ['dataset', version.dataset], queryFn: () => atoll.datasets.get(version.dataset) })
  const versions = useQuery({
    queryKey: ['dataset', version.dataset, 'versions'],
    queryFn: () => atoll.datasets.versions(version.dataset),
  })
  const kept = useQuery({ queryKey: ['bias', 'kept', version.id], queryFn: () => atoll.bias.reports(version.id) })
  const report = useQuery({
    queryKey: ['bias', version.id, asked],
    queryFn: () => atoll.bias.model({ ...bodyOf(asked!), model: version.id }),
    enabled: asked !== null,
    staleTime: Number.POSITIVE_INFINITY,
  })
  const keep = useMutation({
    mutationFn: () => atoll.bias.model({ ...bodyOf(asked!), model: version.id, keep: true }),
    onSuccess: () => {
      changed('bias', 'model')
      say(`The report is kept with version ${version.number}, and on its card.`)
    },
    onError: sayError,
  })
  const ask = (next: Asked) =>
    void navigate({ to: '.', search: (old) => ({ ...old, bias: writeAsked(next) }), resetScroll: false })
  const error = dataset.error ?? versions.error
  if (error) return <ErrorNote error={error} title="The data of this version cannot be seen, so neither can its groups." />
  const of = versions.data?.items.find(({ id }) => id === version.datasetVersion)
  if (!dataset.data || !of) return <Skeleton className="h-96" />
  if (version.target === null || !['binary', 'multiclass', 'regression'].includes(version.task))
    return <Empty title="Nothing to compare">This model predicts no single outcome that could be favourable.</Empty>
  const newest = kept.data?.items[0] ?? null
  const shown = asked ? report.data : newest
  return (
    <div className="space-y-6">
      <PoliciesOfVersion version={version} />
      <Section
        title="Groups to compare"
        note="Any column of the data set, also one that the model does not read."
        actions={
          asked &&
          report.data && (
            <Button why={refused} busy={keep.isPending} onClick={() => keep.mutate()}>
              Keep on the card
            </Button>
          )
        }
      >
        <AskForm
          columns={of.columns}
          label={version.target}
          classes={version.task === 'regression' ? null : (version.signature.classes ?? undefined)}
          initial={asked ?? { facets: firstFacets(of.columns, version.target), cross: false, favourable: null, stratum: null }}
          busy={report.isFetching}
          onAsk={ask}
        />
      </Section>
      {!asked && newest && (
        <Notice severity="info" word="Kept">
          This is the report on the card of {model.name}, made <Ago at={newest.at} />.
        </Notice>
      )}
      {asked && report.error ? (
        <ErrorNote error={report.error} retry={() => void report.refetch()} />
      ) : shown ? (
        <ReportView
          report={shown}
          dataset={dataset.data}
          onReference={(facet, reference) =>
            asked &&
            ask({ ...asked, facets: asked.facets.map((one) => (facetName(one) === facet ? { ...one, reference } : one)) })
          }
        />
      ) : (
        asked && <Skeleton className="h-96" />
      )}
    </div>
  )
}
