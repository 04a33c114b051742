import type { ComparisonResult, PairVerdict } from '@atoll/sdk'
import { Badge, type Tone } from '../ui/Badge.tsx'
import { type ColumnOf, DataTable } from '../ui/DataTable.tsx'
import { algorithmName, duration, fixed, metricName, short, whole } from '../ui/format.ts'
import { Num, WithInterval } from '../ui/Num.tsx'
import { Section } from '../ui/Page.tsx'
import { DifferencesChart } from './DifferencesChart.tsx'

const verdictWords: Record<PairVerdict['verdict'], { words: string; tone: Tone }> = {
  better: { words: 'better', tone: 'accent' },
  worse: { words: 'worse', tone: 'warn' },
  equivalent: { words: 'equivalent', tone: 'grey' },
  not_shown: { words: 'not shown', tone: 'grey' },
}

/** A finished comparison: the verdict in a sentence, the differences it rests on, every pair with its test. */
export default function ComparisonView({ result }: { result: ComparisonResult }) {
  const metric = metricName(result.metric)
  const candidates: ColumnOf<ComparisonResult['candidates'][number]>[] = [
    {
      id: 'name',
      title: 'Candidate',
      value: (row) => row.name,
      cell: (row) => <span className="font-medium">{named(row.name)}</span>,
    },
    {
      id: 'algorithm',
      title: 'Algorithm',
      hide: 'narrow',
      value: (row) => row.algorithm,
      cell: (row) => algorithmName(row.algorithm),
    },
    {
      id: 'mean',
      title: metric,
      right: true,
      value: (row) => row.mean,
      cell: (row) => (
        <WithInterval
          value={row.mean}
          low={row.mean - row.std}
          high={row.mean + row.std}
          method="one standard deviation over the folds of all repeats"
        />
      ),
    },
    { id: 'seconds', title: 'Took', right: true, value: (row) => row.seconds, cell: (row) => <Num>{duration(row.seconds)}</Num> },
  ]
  const pairs: ColumnOf<PairVerdict>[] = [
    { id: 'pair', title: 'Pair', value: (row) => row.b, cell: (row) => `${named(row.b)} against ${named(row.a)}` },
    {
      id: 'verdict',
      title: 'Verdict',
      value: (row) => row.verdict,
      cell: (row) => <Badge tone={verdictWords[row.verdict].tone}>{verdictWords[row.verdict].words}</Badge>,
    },
    {
      id: 'difference',
      title: 'Difference',
      right: true,
      value: (row) => row.difference.value,
      cell: ({ difference }) => <WithInterval {...difference} />,
    },
    {
      id: 'effect',
      title: 'Effect',
      right: true,
      hide: 'narrow',
      value: (row) => row.effect?.value,
      cell: ({ effect }) =>
        effect ? <WithInterval {...effect} method="mean difference over the standard deviation of the differences" /> : '–',
    },
    {
      id: 'p',
      title: 'p',
      right: true,
      value: (row) => row.adjustedPValue,
      cell: (row) => <Num>{row.adjustedPValue < 0.001 ? '< 0.001' : short(row.adjustedPValue, 2)}</Num>,
    },
  ]
  const [first] = result.pairs
  return (
    <div className="space-y-6">
      <p className="max-w-3xl text-lg">{result.sentence}</p>
      <Section>
        <DifferencesChart result={result} />
      </Section>
      <Section
        title="Candidates"
        note={`${result.repeats} × ${result.folds} folds of ${whole(result.rows)} rows of the training part; the sealed rows are not among them.`}
        bare
      >
        <DataTable label="Candidates" columns={candidates} rows={result.candidates} keyOf={(row) => row.name} />
      </Section>
      <Section
        title="Pairs"
        note={`Corrected resampled t-test, ${first ? whole(first.degrees) : ''} degrees of freedom${result.pairs.length > 1 ? "; p by Holm's method" : ''}.`}
        bare
      >
        <DataTable label="Pairs" columns={pairs} rows={result.pairs} keyOf={(row) => `${row.a} ${row.b}`} />
        {result.pairs.length > 1 && (
          <ul className="mt-3 space-y-1 px-3 text-sm text-soft">
            {result.pairs.map((pair) => (
              <li key={`${pair.a} ${pair.b}`}>{pair.sentence}</li>
            ))}
          </ul>
        )}
      </Section>
      {result.sealed.length > 0 && (
        <Section title="On the sealed rows" note="From what the versions said when these were opened; nothing is opened again.">
          <ul className="space-y-2">
            {result.sealed.map((one) => (
              <li key={`${one.a.version} ${one.b.version}`}>
                {one.sentence}{' '}
                <span className="text-sm text-faint">{`(${fixed(one.a.value, 4)} and ${fixed(one.b.value, 4)})`}</span>
              </li>
            ))}
          </ul>
        </Section>
      )}
    </div>
  )
}

/** A version is called by its name; an algorithm as everywhere. */
const named = (name: string): string => (name.includes(':') ? name : algorithmName(name))
