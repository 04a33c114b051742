import type { ColumnProfile, Dataset, DatasetVersion, Profile } from '@atoll/sdk'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { TinyHistogram } from '../charts/Histogram.tsx'
import { Button } from '../ui/Button.tsx'
import { type ColumnOf, DataTable } from '../ui/DataTable.tsx'
import { count, duration, percent, short, whole } from '../ui/format.ts'
import { Num } from '../ui/Num.tsx'
import { Fact, Facts, Section } from '../ui/Page.tsx'
import { Notice } from '../ui/State.tsx'
import { ClassBalance } from './ClassBalance.tsx'
import { ColumnPanel } from './ColumnPanel.tsx'
import { TypeMark } from './column-type.tsx'
import { FilesFacts } from './FilesFacts.tsx'
import { ProfileState } from './ProfileState.tsx'
import { useProfile } from './use-profile.ts'

const order = { serious: 0, warning: 1, info: 2 } as const

/** Every column at a glance, what is odd about them first. */
export function ProfileTab({ dataset, version }: { dataset: Dataset; version: DatasetVersion }) {
  const state = useProfile(dataset, version)
  const data = state.profile.data
  if (!data) return <ProfileState state={state} />
  return (
    <div className="space-y-6">
      {dataset.kind !== 'table' && <FilesFacts dataset={dataset} version={version} />}
      <ProfileView profile={data} target={dataset.target} onAgain={() => state.make.mutate()} />
    </div>
  )
}

function ProfileView({ profile, target, onAgain }: { profile: Profile; target: string | null; onAgain: () => void }) {
  const navigate = useNavigate()
  const open = useSearch({ strict: false }).column
  const show = (column: string | undefined) =>
    void navigate({ to: '.', search: (old) => ({ ...old, column }), resetScroll: false })
  const cells = profile.rows * profile.columns.length
  const missing = profile.columns.reduce((sum, column) => sum + column.missing, 0)
  const warnings = [...profile.warnings].sort((a, b) => order[a.severity] - order[b.severity])
  const opened = profile.columns.find((column) => column.name === open)
  return (
    <div className="space-y-6">
      <Facts>
        <Fact label="Rows">
          <Num>{whole(profile.rows)}</Num>
        </Fact>
        <Fact label="Columns">
          <Num>{whole(profile.columns.length)}</Num>
        </Fact>
        <Fact label="Missing cells" note={`${whole(missing)} of ${whole(cells)}`}>
          <Num>{percent(cells ? missing / cells : 0)}</Num>
        </Fact>
        <Fact label="Duplicate rows" note={percent(profile.rows ? profile.duplicateRows / profile.rows : 0)}>
          <Num>{whole(profile.duplicateRows)}</Num>
        </Fact>
        <Fact label="Looked at in" note="every row, exact unless marked ±">
          <Num>{duration(profile.seconds)}</Num>
        </Fact>
      </Facts>
      {profile.target && profile.target.classes.length > 0 && <ClassBalance target={profile.target} />}
      {warnings.length > 0 && (
        <Section title="Worth a look" bare>
          <ul className="space-y-2">
            {warnings.slice(0, 30).map((warning) => (
              <li key={`${warning.code}${warning.column}${warning.message}`}>
                <Notice
                  severity={warning.severity}
                  action={
                    warning.column ? (
                      <Button size="sm" onClick={() => show(warning.column ?? undefined)}>
                        Look at {warning.column}
                      </Button>
                    ) : undefined
                  }
                >
                  {warning.message}
                </Notice>
              </li>
            ))}
          </ul>
          {warnings.length > 30 && <p className="mt-2 text-sm text-soft">and {count(warnings.length - 30, 'more finding')}</p>}
        </Section>
      )}
      <Section title="Columns" bare>
        <DataTable
          label="Columns of the profile"
          columns={columnsOf(profile, target, show)}
          rows={profile.columns}
          keyOf={(column) => column.name}
          toolbar={
            <Button size="sm" look="quiet" onClick={onAgain}>
              Look again
            </Button>
          }
        />
      </Section>
      {opened && <ColumnPanel column={opened} rows={profile.rows} target={target} onClose={() => show(undefined)} />}
    </div>
  )
}

function columnsOf(profile: Profile, target: string | null, show: (column: string) => void): ColumnOf<ColumnProfile>[] {
  const related = profile.columns.some((column) => column.target)
  const columns: (ColumnOf<ColumnProfile> | false)[] = [
    {
      id: 'name',
      title: 'Column',
      value: (row) => row.name,
      cell: (row) => (
        <button
          type="button"
          className="link inline-flex max-w-full items-center gap-1.5 font-medium"
          onClick={() => show(row.name)}
        >
          <TypeMark type={row.type} />
          <span className="truncate">{row.name}</span>
        </button>
      ),
    },
    {
      id: 'distribution',
      title: 'Distribution',
      cell: (row) => <TinyHistogram counts={row.histogram?.counts ?? row.top.map((top) => top.count)} label={wordsOf(row)} />,
    },
    {
      id: 'missing',
      title: 'Missing',
      right: true,
      value: (row) => row.missing / Math.max(1, row.count),
      cell: (row) => (
        <Num className={row.missing ? undefined : 'text-faint'}>
          {row.missing ? percent(row.missing / Math.max(1, profile.rows)) : '0'}
        </Num>
      ),
    },
    {
      id: 'distinct',
      title: 'Distinct',
      right: true,
      value: (row) => row.distinct,
      cell: (row) => (
        <Num>
          {whole(row.distinct)}
          {row.distinctError > 0 && <span className="text-faint"> ± {percent(row.distinctError)}</span>}
        </Num>
      ),
    },
    {
      id: 'min',
      title: 'Least',
      right: true,
      hide: 'narrow',
      value: (row) => row.numeric?.min,
      cell: (row) => <Num value={row.numeric?.min} />,
    },
    {
      id: 'median',
      title: 'Median',
      right: true,
      hide: 'narrow',
      value: (row) => row.numeric?.quantiles.p50,
      cell: (row) => <Num value={row.numeric?.quantiles.p50} />,
    },
    {
      id: 'max',
      title: 'Greatest',
      right: true,
      hide: 'narrow',
      value: (row) => row.numeric?.max,
      cell: (row) => <Num value={row.numeric?.max} />,
    },
    {
      id: 'mean',
      title: 'Mean',
      right: true,
      hide: 'default',
      value: (row) => row.numeric?.mean,
      cell: (row) => <Num value={row.numeric?.mean} />,
    },
    {
      id: 'std',
      title: 'Std dev',
      right: true,
      hide: 'default',
      value: (row) => row.numeric?.std,
      cell: (row) => <Num value={row.numeric?.std} />,
    },
    {
      id: 'common',
      title: 'Most common',
      hide: 'narrow',
      value: (row) => row.top[0]?.value,
      cell: (row) => row.top[0]?.value ?? '–',
    },
    related && {
      id: 'target',
      title: `Relation to ${target ?? 'target'}`,
      right: true,
      value: (row) => (row.target ? Math.abs(row.target.value) : null),
      cell: (row) =>
        row.target ? <Num value={row.target.value}>{short(row.target.value, 2)}</Num> : <span className="text-faint">–</span>,
    },
  ]
  return columns.filter((column) => column !== false)
}

const wordsOf = (column: ColumnProfile): string =>
  column.numeric
    ? `from ${short(column.numeric.min)} to ${short(column.numeric.max)}, median ${short(column.numeric.quantiles.p50)}`
    : column.top.length
      ? `most common: ${column.top
          .slice(0, 3)
          .map((top) => `${top.value} (${whole(top.count)})`)
          .join(', ')}`
      : 'no values'
