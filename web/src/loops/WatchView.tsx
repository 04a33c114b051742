import type { WatchEvidence } from '@atoll/sdk'
import { LineChart } from '../charts/LineChart.tsx'
import { dateTime, percent, short, whole } from '../ui/format.ts'
import { DifferenceStrip } from './DifferenceStrip.tsx'
import { Facts } from './Facts.tsx'

/** What live truth said since the swap, look by look. */
export function WatchView({ evidence }: { evidence: WatchEvidence }) {
  const { last, looks, requests, errors } = evidence
  const p = (value: number) => (value < 0.001 ? '< 0.001' : value.toFixed(3))
  return (
    <div className="grid gap-6 lg:grid-cols-2">
      <div className="space-y-4">
        <Facts
          rows={[
            evidence.sinceMs !== null && ['Since', dateTime(new Date(evidence.sinceMs).toISOString())],
            last && ['Live rows with their truth', whole(last.rows)],
            last && [
              `${last.loss}, new less old`,
              <span key="value" className="num">
                {short(last.value, 3)} ({short(last.low, 3)} to {short(last.high, 3)})
              </span>,
            ],
            last && ['p of “no worse”', <span key="p" className="num">{`${p(last.pValue)}, for however many looks`}</span>],
            [
              'Failed requests',
              `${whole(errors)} of ${whole(requests)}${requests > 0 ? ` (${percent(errors / requests)}; at most ${percent(evidence.maxErrorRate)} may, p ${p(evidence.errorsPValue)})` : ''}`,
            ],
            ['Looks', whole(looks.length)],
          ]}
        />
        {last && last.rows > 0 && (
          <DifferenceStrip
            title="Loss of the new version less that of the old, on the same live rows"
            name="live difference"
            left="old better"
            right="new better"
            rows={[{ label: `${last.loss}, gain`, value: -last.value, low: -last.high, high: -last.low }]}
          />
        )}
      </div>
      {looks.length > 1 && (
        <LineChart
          title="What was known, look by look (below nought: the new version is better)"
          name="looks"
          summary={`${looks.length} looks; the last says ${short(last?.value ?? 0)} from ${short(last?.low ?? 0)} to ${short(last?.high ?? 0)}`}
          height={240}
          xLabel="live rows with their truth"
          yLabel="difference of losses"
          lines={[
            {
              label: 'new less old',
              x: looks.map(({ rows }) => rows),
              y: looks.map(({ value }) => value),
              low: looks.map(({ low }) => low),
              high: looks.map(({ high }) => high),
              points: true,
            },
          ]}
        />
      )}
    </div>
  )
}
