import type { AbTest, Endpoint } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { atoll } from '../api.ts'
import { LineChart } from '../charts/LineChart.tsx'
import { buttonClass } from '../ui/Button.tsx'
import { Segmented } from '../ui/Field.tsx'
import { short, whole } from '../ui/format.ts'
import { Section } from '../ui/Page.tsx'
import { Empty, ErrorNote, Skeleton } from '../ui/State.tsx'

const titles: Record<AbTest['outcome'], string> = {
  right: 'answers that were right',
  error: 'how far off',
  truth: 'what turned out',
}

/** Variants against each other by what turned out to be true. */
export function AbTab({ endpoint }: { endpoint: Endpoint }) {
  const isNumber = endpoint.signature.classes === null
  const [outcome, setOutcome] = useState<AbTest['outcome']>(isNumber ? 'error' : 'right')
  const found = useQuery({
    queryKey: ['endpoint', endpoint.id, 'ab', outcome],
    queryFn: () => atoll.ab.read(endpoint.id, { outcome }),
    refetchInterval: 30_000,
  })
  const choices = [isNumber ? ('error' as const) : ('right' as const), 'truth' as const]
  return (
    <div className="space-y-6">
      <Segmented
        label="What is counted"
        value={outcome}
        choices={choices.map((value) => ({ value, label: titles[value] }))}
        onChange={setOutcome}
      />
      {found.error ? (
        <ErrorNote error={found.error} retry={() => void found.refetch()} />
      ) : found.isPending ? (
        <Skeleton className="h-64" />
      ) : (
        <>
          <Section title="Variants" note={`Counted: ${found.data.counts}. Predictions of the last 30 days whose truth is known.`}>
            <div className="overflow-x-auto">
              <table className="w-full text-sm whitespace-nowrap">
                <thead>
                  <tr className="border-b text-left text-soft">
                    <th className="py-1 pr-4 font-medium">Variant</th>
                    <th className="py-1 pr-4 font-medium">Version</th>
                    <th className="py-1 pr-4 text-right font-medium">Share</th>
                    <th className="py-1 pr-4 text-right font-medium">Rows</th>
                    <th className="py-1 text-right font-medium">{found.data.isShare ? 'Rate' : 'Mean'}</th>
                  </tr>
                </thead>
                <tbody>
                  {found.data.variants.map((one) => (
                    <tr key={one.name} className="border-b last:border-0">
                      <td className="py-1 pr-4 font-medium">{one.name}</td>
                      <td className="py-1 pr-4">{one.versionName}</td>
                      <td className="num py-1 pr-4 text-right">{one.weight} %</td>
                      <td className="num py-1 pr-4 text-right">{whole(one.rows)}</td>
                      <td className="num py-1 text-right">{one.mean ? meanWords(one.mean, found.data.isShare) : '–'}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          </Section>
          {found.data.comparisons.length === 0 ? (
            <Empty
              title="There is no other variant to compare with"
              action={
                <Link to="." search={(old) => ({ ...old, tab: 'traffic' })} className={buttonClass('primary')}>
                  Add a variant
                </Link>
              }
            >
              Give another version a share of the requests; what turns out to be true says which does better.
            </Empty>
          ) : (
            found.data.comparisons.map((one) => (
              <Section key={one.b} title={`${one.b} against ${one.a}`}>
                <p className="max-w-prose">{one.sentence}</p>
                {one.looks.length > 1 && (
                  <LineChart
                    title={`Difference of ${one.b} to ${one.a} as rows came in`}
                    name={`${one.b} against ${one.a}`}
                    summary={one.sentence}
                    height={220}
                    xLabel="rows with their truth"
                    yLabel="difference"
                    lines={[
                      {
                        label: 'difference, with an interval that holds at every look',
                        x: one.looks.map(({ rows }) => rows),
                        y: one.looks.map(({ value }) => value),
                        low: one.looks.map(({ low }) => low),
                        high: one.looks.map(({ high }) => high),
                      },
                    ]}
                  />
                )}
              </Section>
            ))
          )}
        </>
      )}
    </div>
  )
}

function meanWords({ value, low, high }: NonNullable<AbTest['variants'][number]['mean']>, isShare: boolean): string {
  const said = (one: number) => (isShare ? (100 * one).toFixed(1) : short(one, 3))
  return `${said(value)}${isShare ? ' %' : ''} (${said(low)} to ${said(high)})`
}
