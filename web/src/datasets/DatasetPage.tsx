import type { Dataset } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { atoll } from '../api.ts'
import { useProjectRef, useRefusal } from '../app/project.ts'
import { DataBiasTab } from '../bias/DataBiasTab.tsx'
import { StateBadge } from '../ui/Badge.tsx'
import { buttonClass } from '../ui/Button.tsx'
import { count } from '../ui/format.ts'
import { Page } from '../ui/Page.tsx'
import { ErrorNote, Notice, Skeleton } from '../ui/State.tsx'
import { Tabs, tabOf } from '../ui/Tabs.tsx'
import { Ago } from '../ui/Time.tsx'
import { DatasetMenu } from './DatasetMenu.tsx'
import { DictionaryTab } from './DictionaryTab.tsx'
import { ImportState } from './ImportState.tsx'
import { ItemsTab } from './ItemsTab.tsx'
import { LineageTab } from './LineageTab.tsx'
import { PreviewTab } from './PreviewTab.tsx'
import { ProfileTab } from './ProfileTab.tsx'
import { RelationsTab } from './RelationsTab.tsx'
import { SplitsTab } from './SplitsTab.tsx'
import { VersionsTab } from './VersionsTab.tsx'

const tabs = [
  { id: 'rows', title: 'Rows' },
  { id: 'profile', title: 'Profile' },
  { id: 'relations', title: 'Relations' },
  { id: 'bias', title: 'Bias' },
  { id: 'splits', title: 'Splits' },
  { id: 'dictionary', title: 'Dictionary' },
  { id: 'versions', title: 'Versions' },
  { id: 'lineage', title: 'Lineage' },
]

const tabsOf = (kind: Dataset['kind']) =>
  kind === 'table' ? tabs : [{ id: 'items', title: kind === 'images' ? 'Images' : 'Recordings' }, ...tabs]

export function DatasetPage() {
  const project = useProjectRef()
  const navigate = useNavigate()
  const refused = useRefusal()
  const ref = useParams({ strict: false }).dataset ?? ''
  const search = useSearch({ strict: false })
  const dataset = useQuery({
    queryKey: ['dataset', project, ref],
    queryFn: () => atoll.datasets.get(ref, { project }),
    refetchInterval: (query) => (query.state.data?.latest?.state === 'importing' ? 1500 : false),
  })
  const versions = useQuery({
    queryKey: ['dataset', dataset.data?.id, 'versions'],
    queryFn: () => atoll.datasets.versions(dataset.data!.id),
    enabled: dataset.data !== undefined,
  })
  if (dataset.error) {
    return (
      <Page title={ref}>
        <ErrorNote error={dataset.error} retry={() => void dataset.refetch()} />
      </Page>
    )
  }
  if (!dataset.data) {
    return (
      <Page title={ref}>
        <Skeleton className="h-9 w-96" />
        <Skeleton className="mt-4 h-96" />
      </Page>
    )
  }
  const data = dataset.data
  const chosen = search.version
  const version =
    (chosen && versions.data?.items.find((one) => one.id === chosen || String(one.number) === chosen)) || data.latest
  const own = tabsOf(data.kind)
  const tab = tabOf(own, search.tab)
  const all = versions.data?.items ?? (data.latest ? [data.latest] : [])
  const old = version && data.latest && version.id !== data.latest.id
  return (
    <Page
      title={data.name}
      kicker={version && <StateBadge state={version.state} />}
      lead={
        <span className="flex flex-wrap gap-x-3">
          {version?.rows != null && (
            <span className="num">
              {count(version.rows, 'row')} × {version.columns.length}
            </span>
          )}
          {data.target && (
            <span>
              predicts <span className="font-medium text-ink">{data.target}</span>
            </span>
          )}
          <span>
            {data.ownerName}, <Ago at={version?.createdAt ?? data.createdAt} />
          </span>
          {data.description && <span className="basis-full">{data.description}</span>}
        </span>
      }
      actions={
        <>
          {all.length > 1 && (
            <label>
              <span className="sr-only">Version</span>
              <select
                className="field w-auto pr-7"
                value={version?.id}
                onChange={(event) => {
                  const id = event.target.value
                  void navigate({
                    to: '.',
                    search: (now) => ({ ...now, version: id === data.latest?.id ? undefined : id }),
                    replace: true,
                  })
                }}
              >
                {all.map((one) => (
                  <option key={one.id} value={one.id}>
                    version {one.number}
                    {one.id === data.latest?.id ? ' (latest)' : ''}
                  </option>
                ))}
              </select>
            </label>
          )}
          {!refused && (
            <>
              <Link
                to="/p/$project/goals/new"
                params={{ project }}
                search={{ dataset: data.name, target: data.target ?? undefined }}
                className={buttonClass()}
              >
                State a goal
              </Link>
              <Link
                to="/p/$project/training/new"
                params={{ project }}
                search={{ dataset: data.name, target: data.target ?? undefined }}
                className={buttonClass('primary')}
              >
                Train
              </Link>
            </>
          )}
          <DatasetMenu dataset={data} version={version ?? null} />
        </>
      }
    >
      {old && (
        <div className="mb-4">
          <Notice severity="info">
            You are looking at version {version.number}; the latest is {data.latest?.number}.
          </Notice>
        </div>
      )}
      {version && version.state !== 'ready' ? (
        <ImportState dataset={data} version={version} />
      ) : version ? (
        <>
          <Tabs tabs={own} current={tab} label="Parts of the data set" />
          {tab === 'items' && <ItemsTab key={version.id} dataset={data} version={version} />}
          {tab === 'rows' && <PreviewTab dataset={data} version={version} />}
          {tab === 'profile' && <ProfileTab dataset={data} version={version} />}
          {tab === 'relations' && <RelationsTab dataset={data} version={version} />}
          {tab === 'bias' && <DataBiasTab key={version.id} dataset={data} version={version} />}
          {tab === 'splits' && <SplitsTab dataset={data} version={version} />}
          {tab === 'dictionary' && <DictionaryTab key={version.id} dataset={data} version={version} />}
          {tab === 'versions' && <VersionsTab dataset={data} />}
          {tab === 'lineage' && <LineageTab id={version.id} />}
        </>
      ) : null}
    </Page>
  )
}
