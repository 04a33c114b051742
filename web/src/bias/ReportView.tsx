import type { BiasFacetReport, BiasReport, Dataset } from '@atoll/sdk'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useProjectRef } from '../app/project.ts'
import { Bars } from '../charts/Bars.tsx'
import { SelectField } from '../ui/Field.tsx'
import { count, percent, whole } from '../ui/format.ts'
import { Section } from '../ui/Page.tsx'
import { Notice } from '../ui/State.tsx'
import { ComparisonTable } from './ComparisonTable.tsx'

type RateName = keyof BiasFacetReport['groups'][number]['rates']
const rateTitles: Record<RateName, string> = {
  favourable: 'have the favourable label',
  predicted: 'are predicted the favourable outcome',
  recall: 'get it, of those who deserve it',
  specificity: 'are refused it, of those who do not deserve it',
  accuracy: 'are judged rightly',
  acceptance: 'deserved it, of those who get it',
  rejection: 'did not deserve it, of those who are refused',
}

/** A report: what was found in a sentence, then each facet with its groups as bars and its comparisons as a table. */
export function ReportView({
  report,
  dataset,
  onReference,
}: {
  report: BiasReport
  dataset: Pick<Dataset, 'id' | 'name'> | null
  onReference: (facet: string, reference: string | undefined) => void
}) {
  const worst = report.facets.flatMap(({ comparisons }) =>
    comparisons.flatMap(({ measures }) => measures.map(({ verdict }) => verdict)),
  )
  const severity = worst.includes('outside') ? 'serious' : worst.includes('outside_unsure') ? 'warning' : 'info'
  const word = { serious: 'Difference', warning: 'Perhaps', info: 'No finding' }[severity]
  return (
    <div className="space-y-8">
      <Notice severity={severity} word={word}>
        {report.sentence} <span className="text-soft">{report.tests.sentence}</span>
      </Notice>
      <p className="text-sm text-soft">
        {count(report.rows, report.stage === 'model' ? 'sealed row' : 'row')}; favourable: {report.favourable}
        {report.leftOut > 0 && `; ${count(report.leftOut, 'row')} without a label left out`}. Fewer than {report.minimumRows} rows
        of a group are said to be too few.
      </p>
      {report.facets.map((facet) => (
        <FacetView key={facet.name} facet={facet} report={report} dataset={dataset} onReference={onReference} />
      ))}
    </div>
  )
}

function FacetView({
  facet,
  report,
  dataset,
  onReference,
}: {
  facet: BiasFacetReport
  report: BiasReport
  dataset: Pick<Dataset, 'id' | 'name'> | null
  onReference: (facet: string, reference: string | undefined) => void
}) {
  const rates = (Object.keys(rateTitles) as RateName[]).filter((rate) => facet.groups.some(({ rates }) => rates[rate] !== null))
  const [rate, setRate] = useState<RateName>(report.stage === 'model' ? 'predicted' : 'favourable')
  const shown = facet.groups.flatMap(({ name, rates, rows }) => {
    const one = rates[rate]
    return one?.value == null
      ? []
      : [
          {
            label: name,
            value: one.value,
            low: one.low,
            high: one.high,
            note: `${whole(one.hits)} of ${whole(one.of)}; ${count(rows, 'row')}`,
          },
        ]
  })
  const summary = shown
    .map(({ label, value, low, high }) => `${label} ${percent(value)} (${percent(low)} to ${percent(high)})`)
    .join(', ')
  const isSingle = facet.columns.length === 1
  return (
    <Section title={`By ${facet.name}`} className="border-t pt-4">
      <div className="grid gap-6 xl:grid-cols-2">
        <div className="min-w-0">
          <div className="mb-2 flex flex-wrap gap-3">
            {rates.length > 1 && (
              <SelectField
                wrap="w-72 max-w-full"
                label="Share of those who"
                value={rate}
                choices={rates.map((name) => ({ value: name, label: rateTitles[name] }))}
                onChange={(name) => setRate(name as RateName)}
              />
            )}
            {isSingle && (
              <SelectField
                wrap="w-52 max-w-full"
                label="Compared with"
                value={facet.reference ?? '*'}
                choices={[...facet.groups.map(({ name }) => ({ value: name, label: name })), { value: '*', label: 'all others' }]}
                onChange={(name) => onReference(facet.name, name)}
              />
            )}
          </div>
          <Bars
            title={`Share of those who ${rateTitles[rate]}, by ${facet.name}`}
            showTitle={rates.length < 2}
            summary={`With 95 % intervals: ${summary}.`}
            name={`bias-${facet.name}-${rate}`}
            rows={shown}
            valueLabel={rate}
            format={(value) => percent(value)}
          />
          <GroupsTable facet={facet} dataset={dataset} />
        </div>
        <div className="min-w-0 space-y-4">
          {facet.comparisons.length === 0 && <p className="text-soft">There is one group only, so nothing to compare.</p>}
          {facet.comparisons.map((one) => (
            <ComparisonTable key={one.group} comparison={one} open={facet.comparisons.length <= 2} />
          ))}
          {facet.counterfactuals && (
            <p className="text-soft">
              <span className="font-medium text-ink">Flip test of the served model. </span>
              {facet.counterfactuals.sentence}
            </p>
          )}
        </div>
      </div>
    </Section>
  )
}

/** Groups with their sizes, each a link to its rows. */
function GroupsTable({ facet, dataset }: { facet: BiasFacetReport; dataset: Pick<Dataset, 'id' | 'name'> | null }) {
  const project = useProjectRef()
  return (
    <table className="mt-3 w-full text-sm">
      <caption className="sr-only">Groups of {facet.name}</caption>
      <thead className="text-faint">
        <tr>
          <th scope="col" className="border-b py-1 pr-3 text-left font-medium">
            Group
          </th>
          <th scope="col" className="border-b px-3 py-1 text-right font-medium">
            Rows
          </th>
          <th scope="col" className="border-b py-1 pl-3 text-right font-medium">
            Share
          </th>
        </tr>
      </thead>
      <tbody>
        {facet.groups.map((group) => (
          <tr key={group.name}>
            <th scope="row" className="border-b py-1 pr-3 text-left font-normal">
              {group.where && dataset ? (
                <Link
                  to="/p/$project/datasets/$dataset"
                  params={{ project, dataset: dataset.name }}
                  search={{ where: group.where }}
                  className="link"
                  title="Its rows in the data set"
                >
                  {group.name}
                </Link>
              ) : (
                group.name
              )}
            </th>
            <td className="num border-b px-3 py-1 text-right">{whole(group.rows)}</td>
            <td className="num border-b py-1 pl-3 text-right">{percent(group.share)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
