import type { ModelVersion, Uncertainty, VersionDetails } from '@atoll/sdk'
import { useState } from 'react'
import { LineChart } from '../charts/LineChart.tsx'
import { SelectField } from '../ui/Field.tsx'
import { percent, short, whole } from '../ui/format.ts'
import { Section } from '../ui/Page.tsx'
import { Empty } from '../ui/State.tsx'
import { uncertaintyIn } from './evidence.ts'

type Judged = NonNullable<Uncertainty['test']>['sets'][number]

const kindNames: Record<Judged['kind'], string> = {
  lac: 'by the probability of the class',
  aps: 'by the probability down to the class',
  by_class: 'each class by its own rows',
  absolute: 'the same width everywhere',
  normalised: 'wider where errors are larger',
}

/** How sure the model is: sets and intervals that hold what they promise, whom to leave to a person, whether probabilities mean what they say. */
export function UncertaintyTab({ details, version }: { details: VersionDetails; version: ModelVersion }) {
  const uncertainty = uncertaintyIn(details)
  if (!uncertainty)
    return (
      <Empty title="How sure it is was not measured">
        This version keeps no out-of-fold predictions to measure it by. Versions of classes and numbers made since do.
      </Empty>
    )
  return (
    <div className="space-y-6">
      {uncertainty.test && <Coverage test={uncertainty.test} rows={uncertainty.rows} version={version} />}
      <div className="grid items-start gap-6 xl:grid-cols-2">
        <Answering uncertainty={uncertainty} version={version} />
        {uncertainty.calibration && (
          <Calibration calibration={uncertainty.calibration} test={uncertainty.test?.calibration ?? null} />
        )}
      </div>
    </div>
  )
}

function Coverage({ test, rows, version }: { test: NonNullable<Uncertainty['test']>; rows: number; version: ModelVersion }) {
  const isNumber = version.task === 'regression'
  const kinds = [...new Set(test.sets.map((one) => one.kind))]
  const [kind, setKind] = useState<Judged['kind']>(isNumber && kinds.includes('normalised') ? 'normalised' : (kinds[0] ?? 'lac'))
  const shown = test.sets.filter((one) => one.kind === kind)
  const ninety = shown.find((one) => one.coverage === 0.9)
  const size = isNumber ? 'mean width' : 'classes in a set'
  return (
    <Section
      title={isNumber ? 'Intervals' : 'Sets of classes'}
      note={`Limits from ${whole(rows)} rows that were held out of a fold, judged on ${whole(test.rows)} sealed rows (split conformal prediction).`}
    >
      <SelectField
        wrap="mb-3 max-w-80"
        label="Kind"
        value={kind}
        choices={kinds.map((value) => ({ value, label: kindNames[value] }))}
        onChange={(value) => setKind(value as Judged['kind'])}
      />
      <div className="grid items-start gap-6 md:grid-cols-2">
        <LineChart
          title="Promised and kept"
          name="coverage"
          summary={
            ninety
              ? `Of the sealed rows ${percent(ninety.covered)} lie inside where 90 % is promised (interval ${percent(ninety.low)} to ${percent(ninety.high)}).`
              : 'How often the truth lies inside, against how often it should.'
          }
          xLabel="promised"
          yLabel="kept"
          yDomain={[Math.min(0.5, ...shown.map((one) => one.low)), 1]}
          formatX={(value) => percent(value, 0)}
          formatY={(value) => percent(value, 0)}
          height={270}
          lines={[
            {
              label: 'kept on sealed rows',
              x: shown.map((one) => one.coverage),
              y: shown.map((one) => one.covered),
              low: shown.map((one) => one.low),
              high: shown.map((one) => one.high),
              points: true,
            },
          ]}
          under={({ x, y }) => (
            <line x1={x(0.5)} y1={y(0.5)} x2={x(1)} y2={y(1)} stroke="var(--color-strong)" strokeDasharray="4 4" />
          )}
        />
        <table className="w-full text-sm">
          <thead>
            <tr className="border-b text-left text-soft">
              <th scope="col" className="py-1.5 font-medium">
                promised
              </th>
              <th scope="col" className="py-1.5 font-medium">
                kept
              </th>
              <th scope="col" className="py-1.5 font-medium">
                {size}
              </th>
            </tr>
          </thead>
          <tbody className="num">
            {shown.map((one) => (
              <tr key={one.coverage} className="border-b">
                <td className="py-1">{percent(one.coverage, 1)}</td>
                <td className="py-1">
                  {percent(one.covered, 1)}{' '}
                  <span className="text-faint">
                    {percent(one.low, 1)} to {percent(one.high, 1)}
                  </span>
                </td>
                <td className="py-1">{short(one.meanSize, 3)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="mt-2 text-sm text-faint">
        Ask for it with <code>{'"uncertainty": {"coverage": 0.9}'}</code> beside the rows, or <code>?coverage=0.9</code>.
      </p>
    </Section>
  )
}

function Answering({ uncertainty, version }: { uncertainty: Uncertainty; version: ModelVersion }) {
  const isNumber = version.task === 'regression'
  const curve = uncertainty.test?.answering ?? uncertainty.answering
  const [share, setShare] = useState(0.8)
  const at = (wanted: number) =>
    Math.max(
      0,
      curve.share.findIndex((one) => one >= wanted - 1e-9),
    )
  const all = curve.risk.at(-1) ?? 0
  const kept = curve.risk[at(share)] ?? all
  const shown = (value: number) => (isNumber ? short(value, 3) : percent(value, 1))
  const what = isNumber ? 'mean absolute error' : 'share of mistakes'
  return (
    <Section title="Leaving some to a person" note={`The ${what} when only the surest rows are answered.`}>
      <label className="mb-3 block max-w-80">
        <span className="text-sm text-soft">Answer {percent(share, 0)} of the rows</span>
        <input
          type="range"
          className="w-full"
          min={5}
          max={100}
          value={Math.round(share * 100)}
          onChange={(event) => setShare(Number(event.target.value) / 100)}
        />
      </label>
      <LineChart
        title="Risk and share answered"
        name="risk-coverage"
        summary={`Answering all rows, the ${what} is ${shown(all)}; answering the surest ${percent(share, 0)}, ${shown(kept)}.`}
        xLabel="share answered"
        yLabel={what}
        xDomain={[0, 1]}
        yLimits={[0, null]}
        formatX={(value) => percent(value, 0)}
        formatY={shown}
        height={270}
        lines={[{ label: what, x: curve.share, y: curve.risk }]}
        overlay={({ x, y }) => <circle cx={x(share)} cy={y(kept)} r="5" fill="var(--color-s2)" />}
      />
      <p className="mt-2 text-sm">
        {shown(kept)} instead of {shown(all)}. Ask for it with <code>{`"uncertainty": {"answer": ${share.toFixed(2)}}`}</code>:
        the others come back with <code>"abstain": true</code>.
      </p>
    </Section>
  )
}

function Calibration({
  calibration,
  test,
}: {
  calibration: NonNullable<Uncertainty['calibration']>
  test: NonNullable<Uncertainty['test']>['calibration']
}) {
  const { asServed, temperature, isotonic } = calibration
  const ways = [
    { name: 'as served', ...asServed },
    { name: `temperature ${short(temperature.temperature, 3)}`, ...temperature },
    { name: 'isotonic', ...isotonic },
  ]
  const best = [...ways].sort((a, b) => a.logLoss - b.logLoss)[0]
  return (
    <Section
      title="Do probabilities mean what they say"
      note="As served, and as two ways of calibration would make them, each judged on rows it was not fitted on."
    >
      <LineChart
        title="Predicted and observed"
        name="reliability"
        summary={`Calibration error ${percent(asServed.error)} as served, ${percent(temperature.error)} with a temperature, ${percent(isotonic.error)} isotonic.`}
        xLabel="predicted"
        yLabel="observed"
        xDomain={[0, 1]}
        yDomain={[0, 1]}
        height={270}
        lines={ways.map((way) => ({
          label: way.name,
          x: way.bins.map((bin) => bin.meanPredicted),
          y: way.bins.map((bin) => bin.observed),
          points: true,
        }))}
        under={({ x, y }) => <line x1={x(0)} y1={y(0)} x2={x(1)} y2={y(1)} stroke="var(--color-strong)" strokeDasharray="4 4" />}
      />
      <table className="mt-2 w-full text-sm">
        <thead>
          <tr className="border-b text-left text-soft">
            {['', 'calibration error', 'Brier', 'log loss'].map((name) => (
              <th key={name} scope="col" className="py-1.5 font-medium">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="num">
          {[...ways, ...(test ? [{ name: 'as served, sealed rows', ...test }] : [])].map((way) => (
            <tr key={way.name} className="border-b">
              <td className="py-1">{way.name}</td>
              <td className="py-1">{percent(way.error, 1)}</td>
              <td className="py-1">{short(way.brier, 3)}</td>
              <td className="py-1">{short(way.logLoss, 3)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {best && best.name !== 'as served' && best.logLoss < asServed.logLoss * 0.99 && (
        <p className="mt-2 text-sm">
          {best.name.startsWith('temp') ? 'A sigmoid' : 'Isotonic calibration'} would help: train with{' '}
          <code>{best.name.startsWith('temp') ? '"calibration": "sigmoid"' : '"calibration": "isotonic"'}</code>.
        </p>
      )}
    </Section>
  )
}
