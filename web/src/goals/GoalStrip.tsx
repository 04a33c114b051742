import type { Goal, ModelVersion } from '@atoll/sdk'
import { linear, padded } from '../charts/scale.ts'
import { Badge } from '../ui/Badge.tsx'
import { algorithmName, metricName, short } from '../ui/format.ts'
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
    <div className="overflow-x-auto">
      <table className="w-full min-w-[30rem] text-base">
        <caption className="sr-only">
          {metricName(goal.metric)} of each model against the goal, {wantedWords(goal)}
        </caption>
        <thead>
          <tr className="text-left text-xs text-faint">
            <th scope="col" className="pb-1 font-medium">
              Model
            </th>
            <th scope="col" className="w-2/5 pb-1 font-medium">
              <span className="flex justify-between">
                <span className="num">{short(x.domain[0], 2)}</span>
                <span>{metricName(goal.metric)} on sealed rows</span>
                <span className="num">{short(x.domain[1], 2)}</span>
              </span>
            </th>
            <th scope="col" className="pb-1 pl-3 text-right font-medium">
              Value
            </th>
            <th scope="col" className="pb-1 pl-3 text-right font-medium">
              Goal
            </th>
          </tr>
        </thead>
        <tbody>
          {models.map(({ version, outcome }) => (
            <tr key={version.id} className="h-11">
              <th scope="row" className="max-w-52 truncate border-t pr-3 text-left font-normal">
                <NounLink noun="model" to={version.model} search={{ version: String(version.number) }}>
                  {version.modelName}
                </NounLink>{' '}
                <span className="num text-faint">v{version.number}</span>
                <span className="block truncate text-xs text-faint">{algorithmName(version.algorithm)}</span>
              </th>
              <td className="border-t p-0">
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
              <td className="border-t pl-3 text-right">
                <WithInterval value={outcome.value} low={outcome.low} high={outcome.high} />
              </td>
              <td className="border-t pl-3 text-right">
                <OutcomeBadge outcome={outcome} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
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
