import type { JudgeEvidence } from '@atoll/sdk'
import { LineChart } from '../charts/LineChart.tsx'
import { bytes, metricName, short, whole } from '../ui/format.ts'
import { NounLink } from '../ui/NounLink.tsx'
import { DifferenceStrip } from './DifferenceStrip.tsx'
import { Facts } from './Facts.tsx'
import { ruleTitles } from './words.ts'

/** Champion and challenger on the same sealed rows: the figure that decides, what else was tested, and where they differ over time. */
export function JudgeView({ evidence }: { evidence: JudgeEvidence & { job?: string; goal?: { sentence: string } | null } }) {
  const { metric, difference, also, curve, fairness, size, cost } = evidence
  const p = (value: number) => (value < 0.001 ? '< 0.001' : value.toFixed(3))
  return (
    <div className="grid gap-6 lg:grid-cols-2">
      <div className="space-y-4">
        <Facts
          rows={[
            [
              `${metricName(metric)} of the champion`,
              <span key="a" className="num">
                {short(evidence.champion)}
              </span>,
            ],
            [
              `${metricName(metric)} of the challenger`,
              <span key="b" className="num">
                {short(evidence.challenger)}
              </span>,
            ],
            [
              'Gain',
              <span key="gain" className="num">
                {short(difference.value, 3)} ({short(difference.low, 3)} to {short(difference.high, 3)}), p {p(evidence.pValue)}
              </span>,
            ],
            ['Test', `${evidence.test} on ${whole(evidence.rows)} rows; ${difference.method}`],
            ['Rule', ruleTitles[evidence.rule]],
            ['Bytes served', `${bytes(size.champion)} → ${bytes(size.challenger)}`],
            ['Time a row', `${short(cost.champion, 3)} → ${short(cost.challenger, 3)} µs`],
            fairness && [
              `Gap of ${fairness.rate} by ${fairness.column}`,
              `${short(fairness.champion, 3)} → ${short(fairness.challenger, 3)} (change ${short(fairness.low, 3)} to ${short(fairness.high, 3)})`,
            ],
            evidence.goal ? ['Goal', evidence.goal.sentence] : null,
            evidence.leftOut > 0 && ['Left out', `${whole(evidence.leftOut)} rows of a class that neither knows`],
            evidence.job !== undefined && [
              'Job',
              <NounLink key="job" noun="job" to={evidence.job}>
                the judging
              </NounLink>,
            ],
          ]}
        />
        <DifferenceStrip
          title="Gain of the challenger"
          name="gain"
          margin={evidence.rule === 'better' ? undefined : evidence.margin}
          rows={[{ label: `${metricName(metric)}, gain`, ...difference }]}
        />
        <table className="w-full text-sm">
          <caption className="mb-1 text-left text-soft">Also tested on the same rows</caption>
          <thead>
            <tr className="border-b text-left text-soft">
              <th className="py-1 font-medium">What</th>
              <th className="py-1 text-right font-medium">Difference</th>
              <th className="py-1 text-right font-medium">Interval</th>
              <th className="py-1 text-right font-medium">p</th>
            </tr>
          </thead>
          <tbody>
            {also.map((test) => (
              <tr key={test.name} className="border-b last:border-0">
                <td className="py-1">
                  {test.of}
                  <span className="block text-xs text-faint">{test.name}</span>
                </td>
                <td className="num py-1 text-right">{short(test.value, 3)}</td>
                <td className="num py-1 text-right">
                  {short(test.low, 3)} to {short(test.high, 3)}
                </td>
                <td className="num py-1 text-right">{p(test.pValue)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {curve.at.length > 1 && (
        <LineChart
          title={`Mean ${evidence.loss} over the sealed rows, oldest first (less is better)`}
          name="losses"
          summary={`Mean ${evidence.loss} of champion and challenger over ${whole(evidence.rows)} sealed rows in the order of time`}
          height={260}
          xLabel="sealed rows"
          yLabel={evidence.loss}
          yLimits={[0, null]}
          lines={[
            { label: 'champion', x: curve.at, y: curve.champion, points: true },
            { label: 'challenger', x: curve.at, y: curve.challenger, points: true },
          ]}
        />
      )}
    </div>
  )
}
