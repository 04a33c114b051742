import type { CheckReport } from '@atoll/sdk'
import { Bars } from '../charts/Bars.tsx'
import { LineChart } from '../charts/LineChart.tsx'
import { StateBadge } from '../ui/Badge.tsx'
import { percent, short, whole } from '../ui/format.ts'
import { Num } from '../ui/Num.tsx'
import { Section } from '../ui/Page.tsx'
import { checkWords } from './checks.ts'

type Figure = CheckReport['evidence']['figures'][number]
type Plot = CheckReport['evidence']['plots'][number]

/** What one check found, and what that rests on. */
export function CheckCard({ check }: { check: CheckReport }) {
  const { figures, plots, notes } = check.evidence
  return (
    <Section title={checkWords[check.kind].title} actions={<StateBadge state={check.state} />}>
      <p className="max-w-prose">{check.sentence}</p>
      {figures.length > 0 && <Figures figures={figures} label={checkWords[check.kind].title} />}
      {plots.length > 0 && (
        <div className="mt-4 grid gap-6">
          {plots.map((plot) => (
            <PlotView key={plot.title} plot={plot} name={`${check.kind}-${plot.title.slice(0, 20)}`} />
          ))}
        </div>
      )}
      {notes.length > 0 && <p className="mt-3 text-sm text-faint">{notes.join(' ')}</p>}
    </Section>
  )
}

function Figures({ figures, label }: { figures: readonly Figure[]; label: string }) {
  const has = (key: keyof Figure) => figures.some((figure) => figure[key] != null)
  const columns = [
    { key: 'value' as const, title: 'now', shown: true },
    { key: 'baseline' as const, title: 'before', shown: has('baseline') },
    { key: 'warning' as const, title: 'warns at', shown: has('warning') },
    { key: 'alert' as const, title: 'alarms at', shown: has('alert') },
  ].filter(({ shown }) => shown)
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard
    <section className="mt-3 overflow-x-auto" aria-label={`Figures of ${label}`} tabIndex={0}>
      <table className="w-full text-sm">
        <thead>
          <tr className="text-left text-soft">
            <th className="py-1 pr-4 font-medium">Figure</th>
            {columns.map(({ title }) => (
              <th key={title} className="px-2 py-1 text-right font-medium whitespace-nowrap">
                {title}
              </th>
            ))}
            {has('pValue') && <th className="py-1 pl-2 text-right font-medium whitespace-nowrap">p (Holm)</th>}
          </tr>
        </thead>
        <tbody>
          {figures.map((figure) => (
            <tr key={figure.name} className="border-t">
              <td className="py-1.5 pr-4 break-words">{figure.name}</td>
              {columns.map(({ key }) => (
                <td key={key} className="px-2 py-1.5 text-right whitespace-nowrap">
                  <Num>{shown(figure, figure[key])}</Num>
                  {key === 'value' && figure.low != null && figure.high != null && (
                    <span className="num block text-xs text-faint">{`${shown(figure, figure.low)} to ${shown(figure, figure.high)}`}</span>
                  )}
                </td>
              ))}
              {has('pValue') && (
                <td className="py-1.5 pl-2 text-right whitespace-nowrap">
                  <Num>{figure.pValue == null ? '–' : figure.pValue < 0.0001 ? '< 0.0001' : short(figure.pValue, 2)}</Num>
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

function shown({ unit }: Figure, value: number | null | undefined): string {
  if (value == null) return '–'
  if (unit === 'share') return percent(value)
  if (unit === 'rows') return whole(value)
  if (unit === 'ms') return `${short(value, 3)} ms`
  return short(value, 3)
}

function PlotView({ plot, name }: { plot: Plot; name: string }) {
  const [first] = plot.series
  if (!first) return null
  if (plot.kind === 'bars' && plot.series.length === 1)
    return (
      <Bars
        title={plot.title}
        summary={`${plot.title}: most at ${plot.labels[first.values.indexOf(Math.max(...first.values.map((value) => value ?? 0)))]}.`}
        name={name}
        valueLabel={first.name}
        rows={plot.labels.map((label, at) => ({ label, value: first.values[at] ?? 0 }))}
      />
    )
  const last = plot.series.at(-1)!
  if (plot.kind === 'bars')
    return (
      <Bars
        title={`${plot.title}: ${last.name}, ${first.name} in brackets`}
        summary={`${plot.title}: ${plot.labels.map((label, at) => `${label} ${short(last.values[at] ?? 0, 2)}, before ${short(first.values[at] ?? 0, 2)}`).join('; ')}.`}
        name={name}
        valueLabel={last.name}
        rows={plot.labels.map((label, at) => ({
          label: `${label} (${short(first.values[at] ?? 0, 2)})`,
          value: last.values[at] ?? 0,
        }))}
      />
    )
  // Places along a line: their names stand under it.
  const at = plot.labels.map((_, place) => place)
  return (
    <LineChart
      title={plot.title}
      summary={`${plot.title}: ${plot.series.map((series) => `${series.name} from ${short(series.values.find((value) => value !== null) ?? 0, 3)} to ${short(series.values.findLast((value) => value !== null) ?? 0, 3)}`).join('; ')}.`}
      name={name}
      height={220}
      lines={plot.series.map((series) => ({ label: series.name, x: at, y: series.values, points: plot.labels.length <= 20 }))}
      xDomain={[0, Math.max(1, plot.labels.length - 1)]}
      formatX={(value) => beginning(plot.labels[Math.round(value)] ?? '')}
    />
  )
}

/** Where a bin begins: its whole name is too long for an axis. */
const beginning = (label: string): string => label.replace(/ to .*/, '').replace(/^(below|from) /, '')
