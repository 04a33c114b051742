import { useQuery } from '@tanstack/react-query'
import { useSearch } from '@tanstack/react-router'
import { atoll } from '../api.ts'
import { linear, padded } from '../charts/scale.ts'
import { CompareOverFolds } from '../comparisons/CompareOverFolds.tsx'
import { Badge } from '../ui/Badge.tsx'
import { fixed, metricName, short, whole } from '../ui/format.ts'
import { Num, WithInterval } from '../ui/Num.tsx'
import { Details, Page, Section } from '../ui/Page.tsx'
import { Empty, ErrorNote, SkeletonLines } from '../ui/State.tsx'

/** Two versions on the same sealed rows, with a paired test that may say: no difference. */
export function CompareVersionsPage() {
  const { a, b } = useSearch({ strict: false })
  const compared = useQuery({
    queryKey: ['model', 'compare', a, b],
    queryFn: () => atoll.models.compare({ a: a!, b: b! }),
    enabled: Boolean(a && b),
    retry: false,
  })
  if (!a || !b) {
    return (
      <Page title="Compare versions">
        <Empty title="Choose two versions">Select them in the versions of a model.</Empty>
      </Page>
    )
  }
  const data = compared.data
  return (
    <Page
      title={data ? `${data.a.name} and ${data.b.name}` : 'Compare versions'}
      kicker={
        data && (
          <Badge tone={data.significant ? 'accent' : 'grey'}>
            {data.significant ? 'a real difference' : 'no significant difference'}
          </Badge>
        )
      }
    >
      {compared.error ? (
        <ErrorNote error={compared.error} retry={() => void compared.refetch()} />
      ) : !data ? (
        <div role="status">
          <p className="mb-4 text-soft">Both versions answer the same sealed rows; this takes a few seconds.</p>
          <SkeletonLines lines={6} />
        </div>
      ) : (
        <div className="max-w-3xl space-y-6">
          <p className="text-lg">{data.sentence}</p>
          <Section title={`Difference in ${metricName(data.metric)}`} note={`On the same ${whole(data.rows)} sealed rows.`}>
            <Difference value={data.difference.value} low={data.difference.low} high={data.difference.high} />
            <Details
              rows={[
                [data.a.name, <Num key="a">{fixed(data.a.value, 4)}</Num>],
                [data.b.name, <Num key="b">{fixed(data.b.value, 4)}</Num>],
                [
                  'Difference',
                  <WithInterval
                    key="d"
                    value={data.difference.value}
                    low={data.difference.low}
                    high={data.difference.high}
                    method={data.difference.method}
                  />,
                ],
                [
                  'Test',
                  `${data.test.name}${data.test.statistic === null ? '' : `, statistic ${short(data.test.statistic, 4)}`}`,
                ],
                ['p', <Num key="p">{data.test.pValue < 0.001 ? '< 0.001' : short(data.test.pValue, 2)}</Num>],
              ]}
            />
          </Section>
          <CompareOverFolds candidates={[data.a.name, data.b.name]} />
        </div>
      )}
    </Page>
  )
}

/** The difference with its interval, against zero. */
function Difference({ value, low, high }: { value: number; low: number; high: number }) {
  const x = linear(padded([value, low, high, 0], 0.15), [0, 100])
  return (
    <svg
      width="100%"
      height="56"
      role="img"
      aria-label={`The difference is ${short(value, 3)}, interval ${short(low, 3)} to ${short(high, 3)}.`}
      className="mb-3 block overflow-visible"
    >
      <line x1="0" x2="100%" y1="28" y2="28" stroke="var(--color-line)" />
      <line x1={`${x(0)}%`} x2={`${x(0)}%`} y1="6" y2="50" stroke="var(--color-ink)" strokeDasharray="3 3" />
      <text x={`${x(0)}%`} y="52" dx="5" fontSize="11" fill="var(--color-faint)">
        0
      </text>
      <line
        x1={`${x(low)}%`}
        x2={`${x(high)}%`}
        y1="28"
        y2="28"
        stroke="var(--color-s1)"
        strokeWidth="6"
        strokeLinecap="round"
        opacity="0.4"
      />
      <circle cx={`${x(value)}%`} cy="28" r="6" fill="var(--color-s1)" />
    </svg>
  )
}
