import { RuleStanding, type WatchedTraining } from './schema.ts'

/** What an engine said of its rules (docs/job-contract.md): `rules` is how all of them stand, `evidence` the figures of one look. */
export interface RuleEvent {
  type: 'rules' | 'evidence'
  data: Record<string, unknown>
}

/** Networks of one run that are kept, and points of one line; beyond that every second point goes. */
const mostTrainings = 40
const mostPoints = 400
const mostSeries = 12

/** Puts one event into the trainings of its run; answers the training that changed, or null for what cannot be read. */
export function noteRuleEvent(trainings: Map<string, WatchedTraining>, { type, data }: RuleEvent): WatchedTraining | null {
  const name = data.training
  if (typeof name !== 'string' || name === '' || name.length > 200) return null
  const known = trainings.get(name)
  if (!known && trainings.size >= mostTrainings) return null
  const training: WatchedTraining = known ?? {
    training: name,
    algorithm: null,
    trial: null,
    stop: [],
    ended: null,
    rules: [],
    evidence: [],
  }
  trainings.set(name, training)
  if (type === 'rules') readStandings(training, data)
  else readEvidence(training, data)
  return training
}

function readStandings(training: WatchedTraining, data: Record<string, unknown>): void {
  training.algorithm = typeof data.algorithm === 'string' ? data.algorithm : training.algorithm
  training.trial = number(data.trial) ?? training.trial
  training.stop = words(data.stop)
  training.ended = data.ended === 'done' || data.ended === 'failed' ? data.ended : null
  const rules = Array.isArray(data.rules) ? data.rules : []
  training.rules = rules.flatMap((rule) => {
    const read = RuleStanding.safeParse({ ...rule, value: number(rule?.value), threshold: number(rule?.threshold) })
    return read.success ? [read.data] : []
  })
}

function readEvidence(training: WatchedTraining, data: Record<string, unknown>): void {
  const by = number(data.epoch) === null ? 'step' : 'epoch'
  const x = number(data[by])
  if (x === null || typeof data.values !== 'object' || data.values === null) return
  for (const [rule, values] of Object.entries(data.values as Record<string, Record<string, unknown>>)) {
    const evidence = training.evidence.find((one) => one.rule === rule && one.by === by) ?? { rule, by, series: [] }
    if (!training.evidence.includes(evidence)) training.evidence.push(evidence)
    for (const [name, value] of Object.entries(values ?? {})) {
      const known = evidence.series.find((one) => one.name === name)
      if (!known && evidence.series.length >= mostSeries) continue
      const series = known ?? { name, x: [], y: [] }
      if (!known) evidence.series.push(series)
      // A job that was started again comes by steps that it has been at before.
      const from = series.x.findIndex((seen) => seen >= x)
      if (from >= 0) for (const list of [series.x, series.y]) list.length = from
      series.x.push(x)
      series.y.push(number(value))
      if (series.x.length > mostPoints) {
        series.x = series.x.filter((_, at) => at % 2 === 0)
        series.y = series.y.filter((_, at) => at % 2 === 0)
      }
    }
  }
}

/** Broken ones first among the trainings, then as they came. */
export const asRunRules = (trainings: readonly WatchedTraining[]): { trainings: WatchedTraining[] } => ({
  trainings: [...trainings].sort((a, b) => Number(isBroken(b)) - Number(isBroken(a))),
})

const isBroken = ({ rules }: WatchedTraining) => rules.some(({ state }) => state === 'broken')
const number = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) ? value : null)
const words = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []
