import type { Run, WatchedTraining } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { atoll } from '../api.ts'
import { Badge, type Tone } from '../ui/Badge.tsx'
import { SelectField } from '../ui/Field.tsx'
import { algorithmName, count, short } from '../ui/format.ts'
import { Num } from '../ui/Num.tsx'
import { Section } from '../ui/Page.tsx'
import { Empty, ErrorNote, SkeletonLines } from '../ui/State.tsx'
import { nameOfPart, RuleEvidence } from './RuleEvidence.tsx'
import { type RuleWords, rules, stateWords } from './rules.ts'

const tones: Record<string, Tone> = { ok: 'good', broken: 'bad', watching: 'accent' }
const order = ['broken', 'watching', 'ok', 'not_applicable', 'off']

export const useRules = (run: string, running: boolean) =>
  useQuery({
    queryKey: ['run', run, 'rules'],
    queryFn: () => atoll.runs.rules(run),
    refetchInterval: running ? 1500 : false,
  })

/** The debugger of a run: each rule that watched its networks learn, how it stands, and the evidence. Live while the run goes on. */
export function RulesTab({ run }: { run: Run }) {
  const found = useRules(run.id, run.state === 'running')
  const [chosen, setChosen] = useState<string | null>(null)
  if (found.error) return <ErrorNote error={found.error} retry={() => void found.refetch()} />
  if (!found.data) return <SkeletonLines lines={8} />
  const { trainings } = found.data
  const training = trainings.find((one) => one.training === chosen) ?? trainings[0]
  if (!training)
    return (
      <Empty title="No rules were watched">
        {run.state === 'running'
          ? 'Rules show here as soon as a network begins to learn.'
          : 'Rules watch networks while they learn; this run trained none with them.'}
      </Empty>
    )
  return (
    <div className="space-y-4">
      {trainings.length > 1 && (
        <SelectField
          wrap="max-w-md"
          label={`Network (${trainings.length} were trained)`}
          value={training.training}
          choices={trainings.map((one, at) => ({ value: one.training, label: nameOf(one, at) }))}
          onChange={setChosen}
        />
      )}
      <Summary training={training} running={run.state === 'running'} />
      <ul className="grid gap-4 lg:grid-cols-2">
        {inOrder(training).map((rule) => (
          <li key={rule.name} className="min-w-0">
            <RuleCard rule={rule} training={training} />
          </li>
        ))}
      </ul>
    </div>
  )
}

function Summary({ training, running }: { training: WatchedTraining; running: boolean }) {
  const broken = training.rules.filter((rule) => rule.state === 'broken').length
  const well = training.rules.filter((rule) => rule.state === 'ok').length
  return (
    <p role="status" className="text-soft">
      {broken > 0 ? `${count(broken, 'rule')} broken, ` : 'No rule is broken, '}
      {well} well.{' '}
      {training.ended === 'failed' ? 'The training was ended.' : running && !training.ended ? 'Watching while it learns.' : ''}{' '}
      {training.stop.length > 1
        ? `The job ends when one of these is broken: ${training.stop.map(titleOf).join('; ')}.`
        : 'Only a loss that is no number ends the job.'}
    </p>
  )
}

function RuleCard({ rule, training }: { rule: RuleWords; training: WatchedTraining }) {
  const standing = training.rules.find((one) => one.rule === rule.name)
  const state = standing?.state ?? 'off'
  const isUntold = state === 'watching' && training.ended !== null
  const evidence = training.evidence.filter((one) => one.rule === rule.name)
  const when = standing?.epoch != null ? `epoch ${standing.epoch}` : standing?.step != null ? `step ${standing.step}` : null
  return (
    <Section
      className="h-full"
      title={
        <span className="flex flex-wrap items-center gap-2 text-base">
          {rule.title}
          <Badge tone={isUntold ? 'grey' : (tones[state] ?? 'grey')}>{isUntold ? 'not told' : stateWords[state]}</Badge>
          {training.stop.includes(rule.name) && <Badge mark={false}>ends the job</Badge>}
        </span>
      }
      note={`Looks for ${rule.asks}.`}
    >
      {standing?.message && <p className={state === 'broken' ? '' : 'text-soft'}>{standing.message}</p>}
      {standing && standing.value !== null && (
        <dl className="mb-2 flex flex-wrap gap-x-6 gap-y-1 text-sm">
          <Figure name={state === 'broken' ? 'Broke at' : 'Last seen'} value={standing.value} />
          {standing.threshold !== null && <Figure name="Bound" value={standing.threshold} />}
          {standing.place && <Words name="Where" text={nameOfPart(standing.place)} />}
          {when && <Words name="When" text={when} />}
        </dl>
      )}
      {evidence.length > 0 && <RuleEvidence rule={rule} evidence={evidence} threshold={standing?.threshold ?? null} />}
      {!standing?.message && evidence.length === 0 && <p className="text-soft">Nothing was seen yet.</p>}
    </Section>
  )
}

const Figure = ({ name, value }: { name: string; value: number }) => (
  <div>
    <dt className="inline text-faint">{name} </dt>
    <dd className="inline">
      <Num>{value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(1) : short(value, 4)}</Num>
    </dd>
  </div>
)

const Words = ({ name, text }: { name: string; text: string }) => (
  <div className="min-w-0">
    <dt className="inline text-faint">{name} </dt>
    <dd className="inline break-all">{text}</dd>
  </div>
)

const titleOf = (name: string) => rules.find((rule) => rule.name === name)?.title ?? name

const nameOf = (training: WatchedTraining, at: number) =>
  [
    training.algorithm ? algorithmName(training.algorithm) : `network ${at + 1}`,
    training.trial === null ? null : `trial ${training.trial + 1}`,
    training.rules.some(({ state }) => state === 'broken') ? 'with broken rules' : null,
  ]
    .filter(Boolean)
    .join(', ')

function inOrder({ rules: standings }: WatchedTraining): RuleWords[] {
  const place = (name: string) => order.indexOf(standings.find((one) => one.rule === name)?.state ?? 'off')
  return [...rules].sort((a, b) => place(a.name) - place(b.name))
}
