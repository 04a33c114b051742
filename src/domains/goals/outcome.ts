import { metricTitle } from './metrics.ts'
import type { Goal, GoalOutcome } from './schema.ts'

type Contract = Pick<
  Goal,
  'metric' | 'atLeast' | 'atMost' | 'task' | 'target' | 'positive' | 'costFalsePositive' | 'costFalseNegative'
>

/** Whether a measured value meets a goal, and whether the worse end of its interval does too. */
export function judgeOutcome(
  goal: Pick<Contract, 'metric' | 'atLeast' | 'atMost'>,
  measured: { value: number; low?: number | null; high?: number | null },
): GoalOutcome {
  const { metric, atLeast, atMost } = goal
  const low = measured.low ?? null
  const high = measured.high ?? null
  const gap = atLeast !== null ? measured.value - atLeast : atMost !== null ? atMost - measured.value : 0
  const worse = atLeast !== null ? low : high
  const worseGap = worse === null ? null : atLeast !== null ? worse - atLeast : atMost !== null ? atMost - worse : 0
  // Not a number (a metric that these rows cannot give) meets nothing.
  const met = gap >= 0
  const sure = met && worseGap !== null && worseGap >= 0
  const outcome = { met, sure, metric, value: measured.value, low, high, wanted: wantedOf(goal), gap }
  return { ...outcome, sentence: sentenceOf(outcome) }
}

/** "at least 0.85" */
export function wantedOf({ atLeast, atMost }: Pick<Goal, 'atLeast' | 'atMost'>): string {
  const parts = [atLeast !== null && `at least ${short(atLeast)}`, atMost !== null && `at most ${short(atMost)}`].filter(Boolean)
  return parts.join(' and ') || 'as good as possible'
}

const withoutTarget: Partial<Record<Goal['task'], string>> = {
  clustering: 'the groups',
  anomaly: 'the anomaly scores',
  projection: 'the map',
  topics: 'the topics',
  embedding: 'the embedding',
  diarisation: 'who speaks when',
  generation: 'what is written',
}

/** The goal in words. */
export function goalSentence(goal: Contract): string {
  const of =
    goal.target === null
      ? (withoutTarget[goal.task] ?? `the ${goal.task}`)
      : goal.positive === null
        ? `"${goal.target}"`
        : `"${goal.target}" = "${goal.positive}"`
  const { costFalsePositive: alarm, costFalseNegative: miss } = goal
  const what = `${capital(metricTitle[goal.metric])} of ${of} ${wantedOf(goal)}`
  if (alarm === null || miss === null || goal.positive === null) return `${what}.`
  if (alarm === 0 || miss === 0)
    return `${what}; a needless alarm costs ${short(alarm)}, a missed "${goal.positive}" ${short(miss)}.`
  if (alarm === miss) return `${what}; a missed "${goal.positive}" costs as much as a needless alarm.`
  return miss > alarm
    ? `${what}; a missed "${goal.positive}" costs ${short(miss / alarm)} times a needless alarm.`
    : `${what}; a needless alarm costs ${short(alarm / miss)} times a missed "${goal.positive}".`
}

function sentenceOf(o: Omit<GoalOutcome, 'sentence'>): string {
  const interval = o.low !== null && o.high !== null ? ` (95 % interval ${short(o.low)} to ${short(o.high)})` : ''
  const measured = `${capital(metricTitle[o.metric])} is ${short(o.value)}${interval}`
  if (!o.met) return `${measured}: the goal of ${o.wanted} is not met, it is off by ${short(Math.abs(o.gap))}.`
  if (o.sure) return `${measured}: the goal of ${o.wanted} is met, also at the worse end of the interval.`
  const side = o.wanted.startsWith('at most') ? 'above' : 'below'
  return `${measured}: the goal of ${o.wanted} is met, but the interval reaches ${side} it, so this could be luck.`
}

export const short = (value: number): string => (Number.isFinite(value) ? String(Number(value.toPrecision(3))) : 'not a number')
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
