import type { ColumnDrift, DriftReport, Monitor } from '@atoll/sdk'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { Overlay } from '../charts/Histogram.tsx'
import { Badge, StateBadge } from '../ui/Badge.tsx'
import { cx } from '../ui/cx.ts'
import { type ColumnOf, DataTable } from '../ui/DataTable.tsx'
import { count, duration, fixed, percent, short, whole } from '../ui/format.ts'
import { Num } from '../ui/Num.tsx'
import { Details, Fact, Facts, Section } from '../ui/Page.tsx'
import { Notice } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'
import { CheckCard } from './CheckCard.tsx'

const order = ['alert', 'warning', 'quiet', 'not_judged']
const rank = { alert: 0, warning: 1, quiet: 2 } as const
const severity = { alert: 'serious', warning: 'warning', quiet: 'good', too_few_rows: 'info' } as const
const word = { alert: 'Alarm', warning: 'Warning', quiet: 'Quiet', too_few_rows: 'Too few rows' } as const

/** What moved, column by column, worst first, each with both distributions. */
export function ReportView({ report, monitor }: { report: DriftReport; monitor: Monitor }) {
  const navigate = useNavigate()
  const wanted = useSearch({ strict: false }).column
  const columns = [...report.columns].sort((a, b) => rank[a.state] - rank[b.state] || b.psi - a.psi)
  const shown = columns.find((one) => one.column === wanted) ?? columns[0]
  // Drift by column has a table of its own below, with both distributions.
  const others = report.checks
    .filter(({ kind, state }) => state === 'not_judged' || (kind !== 'data_drift' && kind !== 'prediction_drift'))
    .sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state))
  const show = (column: string) =>
    void navigate({ to: '.', search: (old) => ({ ...old, column }), replace: true, resetScroll: false })
  const tally = (state: ColumnDrift['state']) => columns.filter((one) => one.state === state).length
  return (
    <div className="space-y-6">
      <Notice severity={severity[report.state]} word={word[report.state]}>
        {report.sentence}
      </Notice>
      <Facts>
        <Fact label="Looked" note={report.source}>
          <Ago at={report.at} />
        </Fact>
        <Fact label="Rows now" note={`baseline: ${whole(report.baselineRows)}`}>
          <Num>{whole(report.rows)}</Num>
        </Fact>
        <Fact
          label="Columns that moved"
          note={`${count(tally('alert'), 'alert')}, ${count(tally('warning'), 'warning')}, ${tally('quiet')} quiet`}
        >
          <Num>{tally('alert') + tally('warning')}</Num>
        </Fact>
        <Fact label="Questions asked" note="corrected together (Holm)">
          <Num>{whole(report.tests)}</Num>
        </Fact>
        <Fact label="Took">
          <Num>{duration(report.seconds)}</Num>
        </Fact>
      </Facts>
      {others.length > 0 && (
        <div className="grid items-start gap-6 xl:grid-cols-2">
          {others.map((check) => (
            <CheckCard key={check.kind} check={check} />
          ))}
        </div>
      )}
      {shown && (
        <div className="grid items-start gap-6 xl:grid-cols-[minmax(0,1fr)_minmax(0,1fr)]">
          <Section title="By column" bare>
            <DataTable
              label="Drift by column"
              columns={driftColumns(shown.column, monitor, show)}
              rows={columns}
              keyOf={(row) => row.column}
            />
          </Section>
          <Section title={shown.column} className="xl:sticky xl:top-16" actions={<StateBadge state={shown.state} />}>
            <p className="mb-3">{shown.sentence}</p>
            {shown.histogram.labels.length > 0 && (
              <Overlay
                title={`${shown.column}: training and now`}
                showTitle={false}
                name={`drift-${shown.column}`}
                labels={shown.histogram.labels}
                edges={shown.histogram.edges}
                baseline={shown.histogram.baseline}
                now={shown.histogram.now}
                height={240}
              />
            )}
            <div className="mt-4">
              <Details
                rows={[
                  ['PSI', <Num key="p">{fixed(shown.psi, 3)}</Num>],
                  shown.wasserstein != null && [
                    'Wasserstein',
                    <Num key="w">{`${fixed(shown.wasserstein, 3)} standard deviations`}</Num>,
                  ],
                  shown.totalVariation != null && ['Total variation', <Num key="v">{fixed(shown.totalVariation, 3)}</Num>],
                  ['Jensen-Shannon', <Num key="j">{fixed(shown.jensenShannon, 3)}</Num>],
                  [
                    { ks: 'Kolmogorov-Smirnov', chi_square: 'Chi-square', wasserstein: 'Wasserstein, permuted' }[shown.test.name],
                    <Num key="t">{`${short(shown.test.statistic, 3)}, p ${probability(shown.test.adjustedPValue)} (Holm)`}</Num>,
                  ],
                  ['Missing', <Num key="m">{`${percent(shown.missing.baseline)} → ${percent(shown.missing.now)}`}</Num>],
                  shown.unseen.length > 0 && [
                    'Never seen in training',
                    shown.unseen
                      .slice(0, 8)
                      .map((one) => `${one.value} (${count(one.count, 'row')})`)
                      .join(', '),
                  ],
                ]}
              />
            </div>
          </Section>
        </div>
      )}
    </div>
  )
}

const probability = (value: number) => (value < 0.0001 ? '< 0.0001' : short(value, 2))

function driftColumns(current: string, monitor: Monitor, show: (column: string) => void): ColumnOf<ColumnDrift>[] {
  return [
    {
      id: 'column',
      title: 'Column',
      value: (row) => row.column,
      cell: (row) => (
        <button
          type="button"
          aria-pressed={row.column === current}
          className={cx('link', row.column === current && 'font-semibold')}
          onClick={() => show(row.column)}
        >
          {row.column}
          {row.kind === 'prediction' && (
            <Badge mark={false} className="ml-2">
              prediction
            </Badge>
          )}
        </button>
      ),
    },
    { id: 'state', title: 'State', value: (row) => rank[row.state], cell: (row) => <StateBadge state={row.state} /> },
    { id: 'psi', title: 'PSI', right: true, value: (row) => row.psi, cell: (row) => <PsiBar row={row} monitor={monitor} /> },
    {
      id: 'p',
      title: 'p (Holm)',
      right: true,
      hide: 'default',
      value: (row) => row.test.adjustedPValue,
      cell: (row) => <Num>{probability(row.test.adjustedPValue)}</Num>,
    },
    {
      id: 'js',
      title: 'Jensen-Shannon',
      right: true,
      hide: 'default',
      value: (row) => row.jensenShannon,
      cell: (row) => <Num>{fixed(row.jensenShannon, 3)}</Num>,
    },
    {
      id: 'missing',
      title: 'Missing now',
      right: true,
      hide: 'default',
      value: (row) => row.missing.now,
      cell: (row) => <Num>{percent(row.missing.now)}</Num>,
    },
  ]
}

/** PSI as a bar against the bounds of the monitor. */
function PsiBar({ row, monitor }: { row: ColumnDrift; monitor: Monitor }) {
  const most = monitor.psiAlert * 2
  const place = (value: number) => `${Math.min(100, (value / most) * 100)}%`
  return (
    <span className="inline-flex items-center gap-2">
      <svg aria-hidden="true" width="72" height="12" className="max-sm:hidden">
        <rect width="100%" height="12" rx="2" fill="var(--color-sunken)" />
        <rect
          width={place(row.psi)}
          height="12"
          rx="2"
          fill={row.state === 'alert' ? 'var(--color-bad)' : row.state === 'warning' ? 'var(--color-warn)' : 'var(--color-s1)'}
          opacity="0.8"
        />
        {[monitor.psiWarning, monitor.psiAlert].map((bound) => (
          <line key={bound} x1={place(bound)} x2={place(bound)} y1="0" y2="12" stroke="var(--color-faint)" />
        ))}
      </svg>
      <Num className="w-11 text-right">{fixed(row.psi, 3)}</Num>
    </span>
  )
}
