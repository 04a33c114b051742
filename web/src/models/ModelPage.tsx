import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import { atoll } from '../api.ts'
import { useProjectRef, useRefusal } from '../app/project.ts'
import { FairnessTab } from '../bias/FairnessTab.tsx'
import { LineageTab } from '../datasets/LineageTab.tsx'
import { OutcomeBadge } from '../goals/GoalStrip.tsx'
import { StateBadge } from '../ui/Badge.tsx'
import { buttonClass } from '../ui/Button.tsx'
import { algorithmName } from '../ui/format.ts'
import { Page } from '../ui/Page.tsx'
import { Empty, ErrorNote, Notice, Skeleton, SkeletonLines } from '../ui/State.tsx'
import { Tabs, tabOf } from '../ui/Tabs.tsx'
import { Ago } from '../ui/Time.tsx'
import { CardTab } from './CardTab.tsx'
import { ExplainTab } from './ExplainTab.tsx'
import { FoundTab } from './found/FoundTab.tsx'
import { foundTitle, foundWords } from './found/found-files.ts'
import { ModelMenu } from './ModelMenu.tsx'
import { PackageTab } from './PackageTab.tsx'
import { PerformanceTab } from './PerformanceTab.tsx'
import { Promote } from './Promote.tsx'
import { ProofTab } from './ProofTab.tsx'
import { SearchTab } from './SearchTab.tsx'
import { UncertaintyTab } from './UncertaintyTab.tsx'
import { VersionsTab } from './VersionsTab.tsx'

const LadderTab = lazy(async () => ({ default: (await import('../compression/LadderTab.tsx')).LadderTab }))

const tabs = [
  { id: 'performance', title: 'Performance' },
  { id: 'explain', title: 'Explanation' },
  { id: 'uncertainty', title: 'Uncertainty' },
  { id: 'fairness', title: 'Fairness' },
  { id: 'card', title: 'Card' },
  { id: 'proof', title: 'Proof' },
  { id: 'search', title: 'Search' },
  { id: 'package', title: 'Package' },
  { id: 'ladder', title: 'Smaller and faster' },
  { id: 'versions', title: 'Versions' },
  { id: 'lineage', title: 'Lineage' },
]

/** What there is to see of a version that was brought, not made here. */
const broughtTabs = new Set(['card', 'proof', 'package', 'versions', 'lineage'])

/** Tasks whose answers are places, spans or texts: no columns explain them, and no interval, set or group of rows is told of them. */
const structured: ReadonlySet<string> = new Set([
  'tokens',
  'seq2seq',
  'detection',
  'segmentation',
  'transcription',
  'diarisation',
  'generation',
])
const ofLabels: ReadonlySet<string> = new Set(['explain', 'uncertainty', 'fairness'])

/** What a model without a target found has a tab of its own in place of what explains a prediction. */
const tabsOf = (task: string) => {
  if (structured.has(task)) return tabs.filter((one) => !ofLabels.has(one.id))
  const title = foundTitle(task)
  if (title === null) return tabs
  return tabs.filter((one) => one.id !== 'uncertainty').map((one) => (one.id === 'explain' ? { id: 'found', title } : one))
}

/** A model and one of its versions, with the evidence for it. */
export function ModelPage() {
  const project = useProjectRef()
  const navigate = useNavigate()
  const refused = useRefusal()
  const ref = useParams({ strict: false }).model ?? ''
  const search = useSearch({ strict: false })
  const model = useQuery({ queryKey: ['model', project, ref], queryFn: () => atoll.models.get(ref, { project }) })
  const versions = useQuery({
    queryKey: ['model', model.data?.id, 'versions'],
    queryFn: () => atoll.models.versions(model.data!.id, { limit: 200 }),
    enabled: model.data !== undefined,
  })
  const all = versions.data?.items ?? (model.data?.latest ? [model.data.latest] : [])
  const wanted = search.version
  const version = wanted
    ? all.find((one) => one.id === wanted || String(one.number) === wanted)
    : (model.data?.champion ?? model.data?.latest)
  const details = useQuery({
    queryKey: ['model', model.data?.id, 'details', version?.number],
    queryFn: () => atoll.models.details(model.data!.id, version!.number),
    enabled: version != null,
    staleTime: 300_000,
  })
  if (!model.data) {
    return (
      <Page title={ref}>
        {model.error ? <ErrorNote error={model.error} retry={() => void model.refetch()} /> : <SkeletonLines lines={8} />}
      </Page>
    )
  }
  const data = model.data
  const isBrought = version?.manifest.trust === 'imported'
  const shownTabs = isBrought ? tabs.filter(({ id }) => broughtTabs.has(id)) : tabsOf(data.task)
  const tab = tabOf(shownTabs, search.tab)
  return (
    <Page
      title={data.name}
      kicker={
        version && (
          <>
            <span className="num text-base font-normal text-faint">v{version.number}</span>
            <StateBadge state={version.state} />
            {version.goalOutcome && <OutcomeBadge outcome={version.goalOutcome} />}
          </>
        )
      }
      lead={
        version && (
          <>
            {isBrought ? 'Brought' : algorithmName(version.algorithm)},{' '}
            {version.target === null ? (
              (foundWords[version.task] ?? 'has no target')
            ) : (
              <>
                predicts <span className="font-medium text-ink">{version.target}</span>
              </>
            )}
            {version.derived && `, ${version.derived.summary}, from ${version.derived.fromName}`}
            {isBrought ? ', registered' : ', made'} <Ago at={version.createdAt} />
            {data.description && <span className="block">{data.description}</span>}
          </>
        )
      }
      actions={
        <>
          {all.length > 1 && (
            <label>
              <span className="sr-only">Version</span>
              <select
                className="field w-auto pr-7"
                value={version?.number}
                onChange={(event) =>
                  void navigate({ to: '.', search: (old) => ({ ...old, version: event.target.value }), replace: true })
                }
              >
                {all.map((one) => (
                  <option key={one.id} value={one.number}>
                    v{one.number} {one.state}
                  </option>
                ))}
              </select>
            </label>
          )}
          {version && <Promote model={data} version={version} />}
          {version && !refused && (
            <Link
              to="/p/$project/endpoints/new"
              params={{ project }}
              search={{ model: `${data.name}:${version.number}` }}
              className={buttonClass('primary')}
            >
              Deploy
            </Link>
          )}
          <ModelMenu model={data} version={version ?? null} />
        </>
      }
    >
      {versions.error && <ErrorNote error={versions.error} />}
      {!version ? (
        versions.isPending ? (
          <Skeleton className="h-96" />
        ) : (
          <Empty title={wanted ? `There is no version ${wanted}` : 'This model has no version'}>
            {wanted ? (
              <Link to="." search={{}} className="link">
                Show the latest
              </Link>
            ) : (
              'Train one under this name.'
            )}
          </Empty>
        )
      ) : (
        <>
          {version.goalOutcome && <p className="mb-4 text-soft">{version.goalOutcome.sentence}</p>}
          {version.override && (
            <div className="mb-4">
              <Notice severity="warning" word="Override">
                {version.override.by} promoted it against the refusal, <Ago at={version.override.at} />: “
                {version.override.reason}”
              </Notice>
            </div>
          )}
          <Tabs tabs={shownTabs} current={tab} label="Parts of the model" />
          {details.error ? (
            <ErrorNote error={details.error} retry={() => void details.refetch()} />
          ) : !details.data ? (
            <Skeleton className="h-96" />
          ) : (
            <>
              {tab === 'performance' && <PerformanceTab key={version.id} model={data} version={version} details={details.data} />}
              {tab === 'explain' && <ExplainTab key={version.id} details={details.data} model={data} version={version} />}
              {tab === 'uncertainty' && <UncertaintyTab key={version.id} details={details.data} version={version} />}
              {tab === 'found' && <FoundTab key={version.id} details={details.data} model={data} version={version} />}
              {tab === 'fairness' && <FairnessTab key={version.id} model={data} version={version} />}
              {tab === 'card' && <CardTab model={data} version={version} />}
              {tab === 'proof' && <ProofTab model={data} version={version} />}
              {tab === 'search' && <SearchTab details={details.data} version={version} />}
              {tab === 'package' && <PackageTab model={data} version={version} details={details.data} />}
              {tab === 'ladder' && (
                <Suspense fallback={<Skeleton className="h-96" />}>
                  <LadderTab key={version.id} model={data} version={version} />
                </Suspense>
              )}
              {tab === 'versions' && <VersionsTab model={data} />}
              {tab === 'lineage' && <LineageTab id={version.id} />}
            </>
          )}
        </>
      )}
    </Page>
  )
}
