import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { Ellipsis } from 'lucide-react'
import { useState } from 'react'
import { atoll, changed } from '../api.ts'
import { sayDeleted } from '../app/deleted.ts'
import { useProjectRef, useRefusal } from '../app/project.ts'
import { LineageTab } from '../datasets/LineageTab.tsx'
import { StateBadge } from '../ui/Badge.tsx'
import { Button, buttonClass } from '../ui/Button.tsx'
import { Confirm } from '../ui/Confirm.tsx'
import { Menu, MenuItem, MenuLine } from '../ui/Menu.tsx'
import { NounLink } from '../ui/NounLink.tsx'
import { Page } from '../ui/Page.tsx'
import { ErrorNote, Notice, SkeletonLines } from '../ui/State.tsx'
import { Tabs, tabOf } from '../ui/Tabs.tsx'
import { sayError } from '../ui/toast.tsx'
import { AbTab } from './AbTab.tsx'
import { CapturesTab } from './CapturesTab.tsx'
import { ClientsTab } from './clients/ClientsTab.tsx'
import { DeployPanel } from './DeployPanel.tsx'
import { HistoryTab } from './HistoryTab.tsx'
import { LaterTab } from './LaterTab.tsx'
import { LiveTab } from './LiveTab.tsx'
import { ScalingTab } from './ScalingTab.tsx'
import { StepsTab } from './StepsTab.tsx'
import { servedWords } from './served.ts'
import { TrafficTab } from './TrafficTab.tsx'
import { TryIt } from './TryIt.tsx'
import { WriteTab } from './writing/WriteTab.tsx'

const stepsTab = { id: 'steps', title: 'Steps' }
const usualTabs = [
  { id: 'try', title: 'Try it' },
  { id: 'clients', title: 'Clients' },
  { id: 'live', title: 'Live' },
  { id: 'traffic', title: 'Traffic' },
  { id: 'scaling', title: 'Scaling' },
  { id: 'ab', title: 'A/B' },
  { id: 'later', title: 'Later' },
  { id: 'captures', title: 'Captures' },
  { id: 'history', title: 'History' },
  { id: 'lineage', title: 'Lineage' },
]

/** One endpoint: try it, watch it, see what it was asked, go back. */
export function EndpointPage() {
  const project = useProjectRef()
  const navigate = useNavigate()
  const refused = useRefusal()
  const ref = useParams({ strict: false }).endpoint ?? ''
  const search = useSearch({ strict: false })
  const [deploying, setDeploying] = useState(false)
  const [deleting, setDeleting] = useState(false)
  const endpoint = useQuery({
    queryKey: ['endpoint', project, ref],
    queryFn: () => atoll.endpoints.get(ref, { project }),
    refetchInterval: (query) => (query.state.data?.state === 'starting' ? 1000 : 15_000),
  })
  const update = useMutation({
    mutationFn: (running: boolean) => atoll.endpoints.update(endpoint.data!.id, { running }),
    onSuccess: () => changed('endpoint', 'endpoints'),
    onError: sayError,
  })
  if (!endpoint.data)
    return (
      <Page title={ref}>
        {endpoint.error ? (
          <ErrorNote error={endpoint.error} retry={() => void endpoint.refetch()} />
        ) : (
          <SkeletonLines lines={8} />
        )}
      </Page>
    )
  const data = endpoint.data
  const tabs = data.served === 'pipeline' ? [usualTabs[0]!, stepsTab, ...usualTabs.slice(1)] : usualTabs
  const tab = tabOf(tabs, search.tab)
  const running = data.state === 'ready' || data.state === 'starting' || data.state === 'asleep'
  return (
    <Page
      title={data.name}
      kicker={<StateBadge state={data.state} />}
      lead={
        <>
          serves{' '}
          <NounLink noun="model" to={data.model} search={{ version: String(data.versionNumber) }}>
            {data.modelName}
          </NounLink>{' '}
          <span className="num">v{data.versionNumber}</span>, by {servedWords[data.served]}
          {data.description && <span className="block">{data.description}</span>}
        </>
      }
      actions={
        <>
          {!refused && data.served !== 'gguf' && (
            <Link to="/p/$project/monitors/new" params={{ project }} search={{ endpoint: data.name }} className={buttonClass()}>
              Watch for drift
            </Link>
          )}
          <Button look="primary" why={refused} onClick={() => setDeploying(true)}>
            Deploy another version
          </Button>
          <Menu
            label="More about this endpoint"
            trigger={
              <Button aria-label="More" className="w-8 px-0!">
                <Ellipsis aria-hidden="true" className="size-4" />
              </Button>
            }
          >
            <MenuItem disabled={Boolean(refused)} onSelect={() => update.mutate(!running)}>
              {running ? 'Stop answering' : 'Start answering'}
            </MenuItem>
            <MenuLine />
            <MenuItem tone="bad" disabled={Boolean(refused)} onSelect={() => setDeleting(true)}>
              Delete
            </MenuItem>
          </Menu>
        </>
      }
    >
      {data.message && (
        <div className="mb-4">
          <Notice severity={data.state === 'failed' ? 'serious' : 'info'}>{data.message}</Notice>
        </div>
      )}
      {data.state === 'stopped' && (
        <div className="mb-4">
          <Notice
            severity="info"
            word="Stopped"
            action={
              <Button size="sm" why={refused} busy={update.isPending} onClick={() => update.mutate(true)}>
                Start answering
              </Button>
            }
          >
            It answers nobody until it is started again.
          </Notice>
        </div>
      )}
      <Tabs tabs={tabs} current={tab} label="Parts of the endpoint" />
      {tab === 'try' &&
        (data.signature.task === 'generation' ? (
          <WriteTab key={data.version} endpoint={data} />
        ) : (
          <TryIt key={data.version} endpoint={data} />
        ))}
      {tab === 'steps' && <StepsTab endpoint={data} />}
      {tab === 'later' && <LaterTab endpoint={data} />}
      {tab === 'clients' && <ClientsTab endpoint={data} />}
      {tab === 'live' && <LiveTab endpoint={data} />}
      {tab === 'traffic' && <TrafficTab endpoint={data} />}
      {tab === 'ab' && <AbTab endpoint={data} />}
      {tab === 'scaling' && <ScalingTab endpoint={data} />}
      {tab === 'captures' && <CapturesTab endpoint={data} />}
      {tab === 'history' && <HistoryTab endpoint={data} />}
      {tab === 'lineage' && <LineageTab id={data.id} />}
      {deleting && (
        <Confirm
          open
          onClose={() => setDeleting(false)}
          title={`Delete the endpoint “${data.name}”?`}
          action="Delete it"
          onConfirm={() =>
            void atoll.endpoints.delete(data.id).then(() => {
              // Away first: what is gone is not to be read again by this page.
              void navigate({ to: '/p/$project/endpoints', params: { project } }).then(() =>
                sayDeleted(data, 'endpoints', 'endpoint', 'projects', 'models', 'model'),
              )
            }, sayError)
          }
        >
          Whoever asks it gets an error from then on. To take it away for a while, stop it instead. From the bin it comes back
          stopped.
        </Confirm>
      )}
      {deploying && <DeployPanel endpoint={data} onClose={() => setDeploying(false)} />}
    </Page>
  )
}
