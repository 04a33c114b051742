import type { GatherEvidence } from '@atoll/sdk'
import { LineChart } from '../charts/LineChart.tsx'
import { count, dateTime, percent, whole } from '../ui/format.ts'
import { NounLink } from '../ui/NounLink.tsx'
import { Facts } from './Facts.tsx'

/** What was gathered: how many rows of what, over what time, and which of them were sealed. */
export function GatherView({ evidence }: { evidence: GatherEvidence & { job?: string } }) {
  const { timeline, classes, seenByChampion } = evidence
  const total = (of: 'original' | 'live' | 'sealed') => classes.reduce((sum, one) => sum + one[of], 0)
  const share = (value: number, of: 'original' | 'live' | 'sealed') => (total(of) > 0 ? percent(value / total(of)) : '–')
  return (
    <div className="grid gap-6 lg:grid-cols-2">
      <div className="space-y-4">
        <Facts
          rows={[
            ['Labelled in the window', count(evidence.labelled, 'row')],
            ['To learn from', `${whole(evidence.live)} live, ${whole(evidence.original)} that the champion learnt from`],
            ['Sealed for judging', `${whole(evidence.sealed)}, the newest`],
            evidence.sealedFromMs !== null && ['Sealed from', dateTime(new Date(evidence.sealedFromMs).toISOString())],
            evidence.unknownTruth > 0 && [
              'Left out',
              `${count(evidence.unknownTruth, 'row')} of a class that the champion does not know`,
            ],
            evidence.withoutFile > 0 && [
              'Without a file',
              `${count(evidence.withoutFile, 'row')} whose image or sound was not kept`,
            ],
            [
              'Seen by the champion',
              seenByChampion.alikeIsUsual
                ? `${whole(seenByChampion.before)} gathered before it was made; rows repeat themselves here, so likeness says nothing`
                : `${whole(seenByChampion.before)} gathered before it was made, ${whole(seenByChampion.alike)} like rows that it learnt from: not judged on`,
            ],
            evidence.version !== null && [
              'Data',
              <NounLink key="data" noun="dataset" to={evidence.dataset} search={{ version: evidence.version }}>
                version {evidence.versionNumber}
              </NounLink>,
            ],
            evidence.job !== undefined && [
              'Job',
              <NounLink key="job" noun="job" to={evidence.job}>
                the gathering
              </NounLink>,
            ],
          ]}
        />
        {classes.length > 0 && (
          <table className="w-full max-w-md text-sm">
            <thead>
              <tr className="border-b text-left text-soft">
                <th className="py-1 font-medium">Truth</th>
                <th className="py-1 text-right font-medium">Original</th>
                <th className="py-1 text-right font-medium">Live</th>
                <th className="py-1 text-right font-medium">Sealed</th>
              </tr>
            </thead>
            <tbody>
              {classes.map((one) => (
                <tr key={one.value} className="border-b last:border-0">
                  <td className="py-1">{one.value}</td>
                  {(['original', 'live', 'sealed'] as const).map((of) => (
                    <td key={of} className="num py-1 text-right">
                      {whole(one[of])} <span className="text-faint">{share(one[of], of)}</span>
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </div>
      {timeline.length > 1 && (
        <LineChart
          title="Labelled rows over time"
          name="labelled rows"
          summary={`${whole(evidence.live)} rows to learn from, then ${whole(evidence.sealed)} sealed ones`}
          height={200}
          xLabel="time, UTC"
          yLabel="rows"
          yLimits={[0, null]}
          formatX={momentIn(timeline)}
          lines={[
            {
              label: 'to learn from',
              x: timeline.map(({ fromMs }) => fromMs),
              y: timeline.map(({ live }) => live),
              points: true,
            },
            { label: 'sealed', x: timeline.map(({ fromMs }) => fromMs), y: timeline.map(({ sealed }) => sealed), points: true },
          ]}
        />
      )}
    </div>
  )
}

/** The time of day within two days, else the day. */
function momentIn(timeline: GatherEvidence['timeline']): (ms: number) => string {
  const spanMs = (timeline.at(-1)?.fromMs ?? 0) - (timeline[0]?.fromMs ?? 0)
  const words = (ms: number) => new Date(ms).toISOString()
  if (spanMs > 2 * 86_400_000) return (ms) => words(ms).slice(5, 10)
  return spanMs > 600_000 ? (ms) => words(ms).slice(11, 16) : (ms) => words(ms).slice(11, 19)
}
