import type { ColumnProfile } from '@atoll/sdk'
import { Bars } from '../charts/Bars.tsx'
import { Histogram } from '../charts/Histogram.tsx'
import { count, percent, short, whole } from '../ui/format.ts'
import { Num } from '../ui/Num.tsx'
import { Details } from '../ui/Page.tsx'
import { SidePanel } from '../ui/SidePanel.tsx'
import { Ago } from '../ui/Time.tsx'
import { TypeMark } from './column-type.tsx'

const measures = { correlation_ratio: 'correlation ratio', cramers_v: "Cramér's V", pearson: 'Pearson correlation' }

/** All that is known of one column. */
export function ColumnPanel({
  column,
  rows,
  target,
  onClose,
}: {
  column: ColumnProfile
  rows: number
  target: string | null
  onClose: () => void
}) {
  const numeric = column.numeric
  return (
    <SidePanel open onClose={onClose} title={column.name}>
      <div className="space-y-6">
        {column.histogram && column.histogram.counts.length > 0 && (
          <Histogram
            title="Distribution"
            name={`${column.name}-histogram`}
            edges={column.histogram.edges}
            counts={column.histogram.counts}
          />
        )}
        {!column.histogram && column.top.length > 0 && (
          <Bars
            title="Most common values"
            name={`${column.name}-values`}
            valueLabel="rows"
            format={whole}
            summary={`${column.name}: ${column.top
              .slice(0, 5)
              .map((top) => `${top.value} ${percent(top.count / Math.max(1, rows))}`)
              .join(', ')}`}
            rows={column.top.slice(0, 12).map((top) => ({
              label: top.value === '' ? '(empty)' : top.value,
              value: top.count,
              note: percent(top.count / Math.max(1, rows)),
            }))}
          />
        )}
        <Details
          rows={[
            [
              'Type',
              <span key="t" className="flex items-center gap-2">
                <TypeMark type={column.type} /> {column.type}
              </span>,
            ],
            ['Missing', <Num key="m">{`${whole(column.missing)} (${percent(column.missing / Math.max(1, rows))})`}</Num>],
            [
              'Distinct',
              <Num key="d">{`${whole(column.distinct)}${column.distinctError ? ` ± ${percent(column.distinctError)}` : ''}`}</Num>,
            ],
            numeric && ['Mean ± std dev', <Num key="mean">{`${short(numeric.mean)} ± ${short(numeric.std)}`}</Num>],
            numeric && ['Range', <Num key="range">{`${short(numeric.min)} to ${short(numeric.max)}`}</Num>],
            numeric && [
              'Middle half',
              <Num key="iqr">{`${short(numeric.quantiles.p25)} to ${short(numeric.quantiles.p75)}, median ${short(numeric.quantiles.p50)}`}</Num>,
            ],
            numeric && [
              '1 % and 99 %',
              <Num key="tails">{`${short(numeric.quantiles.p01)} and ${short(numeric.quantiles.p99)}`}</Num>,
            ],
            numeric && ['Skewness', <Num key="skew" value={numeric.skewness} />],
            numeric && ['Zero, negative', <Num key="zero">{`${whole(numeric.zeros)}, ${whole(numeric.negative)}`}</Num>],
            numeric && [
              'Outliers',
              <span key="out">
                <Num>{`${whole(numeric.outliers.low)} low, ${whole(numeric.outliers.high)} high`}</Num>{' '}
                <span className="text-sm text-faint">{numeric.outliers.rule}</span>
              </span>,
            ],
            column.datetime && [
              'From, to',
              <span key="dt">
                <Ago at={column.datetime.min} /> to <Ago at={column.datetime.max} />
              </span>,
            ],
            column.textLength && [
              'Length',
              <Num key="len">{`${whole(column.textLength.min)} to ${whole(column.textLength.max)}, mean ${short(column.textLength.mean, 3)}`}</Num>,
            ],
            (column.constant || column.nearConstant) && [
              'Note',
              column.constant ? 'always the same value' : 'almost always the same value',
            ],
          ]}
        />
        {column.target && (
          <div>
            <p className="mb-2">
              Relation to {target}: <Num>{short(column.target.value, 3)}</Num>{' '}
              <span className="text-faint">({measures[column.target.measure]})</span>
            </p>
            {column.target.groups.length > 0 && (
              <Bars
                title={`${target ?? 'Target'} by value of ${column.name}`}
                name={`${column.name}-target`}
                valueLabel={target ?? 'target'}
                summary={`${target} by ${column.name}: ${column.target.groups
                  .slice(0, 6)
                  .map((group) => `${group.label} ${short(group.target, 3)}`)
                  .join(', ')}`}
                rows={column.target.groups
                  .slice(0, 15)
                  .map((group) => ({ label: group.label, value: group.target, note: count(group.count, 'row') }))}
              />
            )}
          </div>
        )}
      </div>
    </SidePanel>
  )
}
