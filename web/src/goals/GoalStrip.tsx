import type { Goal, GoalOutcome, ModelVersion } from '@atoll/sdk'
import { linear, padded } from '../charts/scale.ts'
import { Badge } from '../ui/Badge.tsx'
import { algorithmName, decimalsFor, fixed, metricName, short } from '../ui/format.ts'
import { NounLink } from '../ui/NounLink.tsx'
import { WithInterval } from '../ui/Num.tsx'

/** "at least 0.85". */
export const wantedWords = (goal: Goal): string =>
  [
    goal.atLeast !== null ? `at least ${short(goal.atLeast)}` : null,
    goal.atMost !== null ? `at most ${short(goal.atMost)}` : null,
  ]
    .filter(Boolean)
    .join(' and ') || 'as good as can be'

/** How far each model is from the goal: its value with interval on one axis, the wanted bound as a line. */
export function GoalStrip({ goal, versions }: { goal: Goal; versions: readonly ModelVersion[] }) {
  const models = versions.flatMap((version) => (version.goalOutcome ? [{ version, outcome: version.goalOutcome }] : []))
  const bounds = [goal.atLeast, goal.atMost].filter((bound) => bound !== null)
  const domain = padded([...models.flatMap(({ outcome }) => [outcome.value, outcome.low, outcome.high]), ...bounds], 0.08)
  const x = linear(domain, [0, 100])
  return (
    <div>
      <table className="w-full text-base max-sm:block">
        <caption className="sr-only">
          {metricName(goal.metric)} of each model against the goal, {wantedWords(goal)}
        </caption>
        <thead className="max-sm:block">
          <tr className="text-left text-xs text-faint max-sm:block">
            <th scope="col" className="pb-1 font-medium max-sm:sr-only">
              Model
            </th>
            <th scope="col" className="w-2/5 pb-1 font-medium max-sm:block max-sm:w-full">
              <span className="flex justify-between gap-2 whitespace-nowrap">
                <span className="num">{short(x.domain[0], 2)}</span>
                <span>{metricName(goal.metric)} on sealed rows</span>
                <span className="num">{short(x.domain[1], 2)}</span>
              </span>
            </th>
            <th scope="col" className="pb-1 pl-3 text-right font-medium max-sm:sr-only">
              Value
            </th>
            <th scope="col" className="pb-1 pl-3 text-right font-medium max-sm:sr-only">
              Goal
            </th>
          </tr>
        </thead>
        <tbody className="max-sm:block">
          {models.map(({ version, outcome }) => (
            <tr
              key={version.id}
              className="h-11 max-sm:grid max-sm:h-auto max-sm:grid-cols-[minmax(0,1fr)_auto_auto] max-sm:items-center max-sm:border-t max-sm:py-1.5"
            >
              <th scope="row" className="max-w-52 truncate border-t pr-3 text-left font-normal max-sm:max-w-none max-sm:border-0">
                <NounLink noun="model" to={version.model} search={{ version: String(version.number) }}>
                  {version.modelName}
                </NounLink>{' '}
                <span className="num text-faint">v{version.number}</span>
                <span className="block truncate text-xs text-faint">{algorithmName(version.algorithm)}</span>
              </th>
              <td className="border-t p-0 max-sm:order-last max-sm:col-span-3 max-sm:border-0">
                <svg width="100%" height="40" role="img" aria-label={outcome.sentence} className="block overflow-visible">
                  <title>{outcome.sentence}</title>
                  {bounds.map((bound) => (
                    <line
                      key={bound}
                      x1={`${x(bound)}%`}
                      x2={`${x(bound)}%`}
                      y1="0"
                      y2="40"
                      stroke="var(--color-ink)"
                      strokeDasharray="3 3"
                      strokeWidth="1.2"
                    />
                  ))}
                  <line x1="0" x2="100%" y1="20" y2="20" stroke="var(--color-line)" />
                  {outcome.low !== null && outcome.high !== null && (
                    <line
                      x1={`${x(outcome.low)}%`}
                      x2={`${x(outcome.high)}%`}
                      y1="20"
                      y2="20"
                      stroke={outcome.met ? 'var(--color-good)' : 'var(--color-s2)'}
                      strokeWidth="5"
                      strokeLinecap="round"
                      opacity="0.4"
                    />
                  )}
                  <circle
                    cx={`${x(outcome.value)}%`}
                    cy="20"
                    r="5"
                    fill={outcome.met ? 'var(--color-good)' : 'var(--color-surface)'}
                    stroke={outcome.met ? 'var(--color-good)' : 'var(--color-s2)'}
                    strokeWidth="2"
                  />
                </svg>
              </td>
              <td className="border-t pl-3 text-right max-sm:border-0">
                <WithInterval value={outcome.value} low={outcome.low} high={outcome.high} />
                <span className="block text-xs text-faint">{distance(goal, outcome)}</span>
              </td>
              <td className="border-t pl-3 text-right max-sm:border-0">
                <OutcomeBadge outcome={outcome} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** "0.05 to go": how far the value is on the wrong or the right side of the bound that is nearest. */
function distance(goal: Goal, { value, low, high, met }: GoalOutcome): string {
  const gaps = [
    goal.atLeast === null ? null : { gap: value - goal.atLeast, beyond: 'above' },
    goal.atMost === null ? null : { gap: goal.atMost - value, beyond: 'below' },
  ].filter((one) => one !== null)
  const nearest = gaps.sort((a, b) => a.gap - b.gap)[0]
  if (!nearest) return ''
  const decimals = low === null || high === null ? 3 : decimalsFor((high - low) / 2)
  const size = fixed(Math.abs(nearest.gap), decimals)
  return met ? `${size} ${nearest.beyond}` : `${size} to go`
}

/** Met, met but not surely, or not met. */
export function OutcomeBadge({ outcome }: { outcome: { met: boolean; sure?: boolean; sentence: string } }) {
  return (
    <span title={outcome.sentence} className="inline-flex">
      {outcome.met ? (
        <Badge tone={outcome.sure === false ? 'warn' : 'good'}>{outcome.sure === false ? 'met, not surely' : 'met'}</Badge>
      ) : (
        <Badge tone="bad">not met</Badge>
      )}
    </span>
  )
}
