import type { Loop, LoopPolicy, LoopRun, LoopStep } from '@atoll/sdk'
import { scheduleWords } from '../monitors/schedules.ts'
import type { Tone } from '../ui/Badge.tsx'
import { count, percent } from '../ui/format.ts'

export const stepTitles: Record<LoopStep['step'], string> = {
  gather: 'Gather',
  train: 'Train',
  judge: 'Judge',
  approve: 'Approve',
  shadow: 'Shadow',
  rollout: 'Roll out',
  watch: 'Watch',
  restore: 'Put the champion back',
}

/** In the order in which a run takes them. */
export const usualSteps = ['gather', 'train', 'judge', 'approve', 'shadow', 'rollout', 'watch'] as const

export const ruleTitles: Record<LoopPolicy['judge']['rule'], string> = {
  better: 'significantly better',
  not_worse_and_fairer: 'not worse, and fairer',
  not_worse_and_smaller: 'not worse, and smaller',
  not_worse_and_cheaper: 'not worse, and cheaper to ask',
}

const outcomeWords: Record<NonNullable<LoopRun['outcome']>, [string, Tone]> = {
  done: ['new model serves', 'good'],
  kept_champion: ['champion stays', 'grey'],
  rolled_back: ['rolled back', 'warn'],
  rejected: ['rejected', 'grey'],
  cancelled: ['cancelled', 'grey'],
  failed: ['failed', 'bad'],
}

/** How a run stands, as a word and its tone. */
export function runWords({ state, step, outcome }: Pick<LoopRun, 'state' | 'step' | 'outcome'>): [string, Tone] {
  if (outcome) return outcomeWords[outcome]
  return state === 'waiting' ? ['waits for approval', 'warn'] : [stepTitles[step].toLowerCase(), 'accent']
}

export function triggerWords({ triggers }: Pick<Loop, 'triggers'>): string {
  const parts = [
    triggers.drift && 'drift',
    triggers.decay && 'a model that got worse',
    triggers.newRows !== null && `${count(triggers.newRows, 'new row')} with their truth`,
    triggers.reviewedLabels && 'a new version of the data by people',
    triggers.schedule && scheduleWords(triggers.schedule),
  ].filter(Boolean)
  return parts.length === 0 ? 'nothing but people' : parts.join(', ')
}

export const minuteWords = (minutes: number): string =>
  minutes >= 2880
    ? count(Math.round(minutes / 1440), 'day')
    : minutes >= 120
      ? count(Math.round(minutes / 60), 'hour')
      : minutes >= 1 || minutes === 0
        ? count(Number(minutes.toFixed(minutes < 10 ? 1 : 0)), 'minute')
        : count(Math.round(minutes * 60), 'second')

/** The policy in lines: what, and how. */
export function policyLines(loop: LoopPolicy & Partial<Pick<Loop, 'approvalByProject'>>): [string, string][] {
  const { window, training, judge, shadow, rollout, watch } = loop
  const how = [
    training.algorithms ? training.algorithms.join(', ') : 'as the champion was made',
    training.recipe === 'champion' ? null : training.recipe === 'auto' ? 'automatic preparation' : `recipe ${training.recipe}`,
    training.budgetSeconds !== null && `${minuteWords(training.budgetSeconds / 60)} of search`,
    training.trials !== null && count(training.trials, 'trial'),
  ].filter(Boolean)
  const steps = rollout.steps.map(({ weight, minutes }) => `${weight} % for ${minuteWords(minutes)}`).join(', ')
  return [
    ['Starts by', `${triggerWords(loop)}; then not again for ${minuteWords(loop.cooldownMinutes)}`],
    [
      'Learns from',
      `labelled rows of ${count(window.days, 'day')}${window.rows === null ? '' : `, the newest ${window.rows}`}${window.original ? ', with those that the champion learnt from' : ''}; at least ${window.minimumRows}`,
    ],
    ['Trains', how.join('; ')],
    [
      'Judges',
      `on the newest ${percent(window.sealedShare, 0)}, sealed: a challenger must be ${ruleTitles[judge.rule]} (alpha ${judge.alpha}${judge.rule === 'better' ? '' : `, margin ${judge.margin}`})${judge.belowGoal ? '; it may miss the goal' : ''}`,
    ],
    ['Approval', loop.approvalByProject ? 'by a person, as the project asks' : loop.approval ? 'by a person' : 'nobody is asked'],
    [
      'Exchanges',
      `${shadow.minutes === 0 ? 'no shadow' : `shadow for ${minuteWords(shadow.minutes)} and ${count(shadow.minimumRequests, 'request')}`}; then ${steps}`,
    ],
    [
      'Watches',
      watch.minutes === 0 ? 'no longer' : `for ${minuteWords(watch.minutes)}; the old version comes back when live truth turns`,
    ],
  ]
}
