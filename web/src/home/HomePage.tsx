import type { Goal } from '@atoll/sdk'
import { useQueries, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { atoll } from '../api.ts'
import { useProject, useProjectRef } from '../app/project.ts'
import { GoalStrip, wantedWords } from '../goals/GoalStrip.tsx'
import { buttonClass } from '../ui/Button.tsx'
import { NewLink } from '../ui/ListPage.tsx'
import { NounLink } from '../ui/NounLink.tsx'
import { Fact, Facts, Page, Section } from '../ui/Page.tsx'
import { Empty, ErrorNote, Skeleton, SkeletonLines } from '../ui/State.tsx'
import { FirstSteps } from './FirstSteps.tsx'
import { NeedsYou } from './NeedsYou.tsx'
import { Recent } from './Recent.tsx'

/** Where the project stands: its goals and how far each model is from them, what is running, what needs you. */
export function HomePage() {
  const ref = useProjectRef()
  const project = useProject()
  const goals = useQuery({ queryKey: ['goals', ref, 'home'], queryFn: () => atoll.goals.list({ project: ref, limit: 10 }) })
  const datasets = useQuery({
    queryKey: ['datasets', ref, 'home'],
    queryFn: () => atoll.datasets.list({ project: ref, limit: 5 }),
  })
  const error = goals.error ?? datasets.error
  const fresh = datasets.data?.items.length === 0 && goals.data?.items.length === 0
  const counts = project?.counts
  return (
    <Page
      title={project?.name ?? ref}
      lead={project?.description || undefined}
      actions={fresh ? undefined : <NewLink to="/training/new">Train a model</NewLink>}
    >
      {error ? (
        <ErrorNote error={error} retry={() => void goals.refetch()} />
      ) : fresh ? (
        <FirstSteps />
      ) : (
        <div className="grid grid-cols-[minmax(0,1fr)] gap-6 xl:grid-cols-[minmax(0,1fr)_22rem]">
          <div className="space-y-6">
            {counts && (
              <Facts>
                <CountFact label="Data sets" path="/datasets" value={counts.datasets} />
                <CountFact label="Goals" path="/goals" value={counts.goals} />
                <CountFact label="Models" path="/models" value={counts.models} />
                <CountFact label="Endpoints" path="/endpoints" value={counts.endpoints} />
              </Facts>
            )}
            {goals.isPending ? (
              <Section title="Goals">
                <SkeletonLines lines={4} />
              </Section>
            ) : goals.data?.items.length ? (
              <GoalBlocks goals={goals.data.items} />
            ) : (
              <Section title="Goals" bare>
                <Empty title="No goal yet" action={<NewLink to="/goals/new">State a goal</NewLink>}>
                  A goal says what a model must reach: which column, which measure, how good, and what an error costs. Training,
                  promotion and alerts follow it.
                </Empty>
              </Section>
            )}
          </div>
          <div className="xl:row-span-2">
            <NeedsYou />
          </div>
          <Recent />
        </div>
      )}
    </Page>
  )
}

function CountFact({ label, path, value }: { label: string; path: string; value: number }) {
  const project = useProjectRef()
  return (
    <Fact label={label}>
      <Link to={`/p/$project${path}` as '/p/$project'} params={{ project }} className="num text-xl no-underline hover:underline">
        {value}
      </Link>
    </Fact>
  )
}

function GoalBlocks({ goals }: { goals: Goal[] }) {
  const project = useProjectRef()
  const progress = useQueries({
    queries: goals.map((goal) => ({ queryKey: ['goal', goal.id, 'progress'], queryFn: () => atoll.goals.progress(goal.id) })),
  })
  return (
    <>
      {goals.map((goal, at) => {
        const query = progress[at]
        const versions = query?.data?.versions ?? []
        return (
          <Section
            key={goal.id}
            title={
              <NounLink noun="goal" to={goal.name} className="text-ink! no-underline! hover:underline!">
                {goal.name}
              </NounLink>
            }
            note={goal.sentence || wantedWords(goal)}
            actions={
              <Link
                to="/p/$project/training/new"
                params={{ project }}
                search={{ goal: goal.name }}
                className={buttonClass('plain', 'sm')}
              >
                Train for it
              </Link>
            }
          >
            {query?.isPending ? (
              <Skeleton className="h-24" />
            ) : query?.error ? (
              <ErrorNote error={query.error} />
            ) : versions.length ? (
              <GoalStrip goal={goal} versions={versions.slice(0, 6)} />
            ) : (
              <p className="text-soft">No model has been measured against this goal yet.</p>
            )}
          </Section>
        )
      })}
    </>
  )
}
