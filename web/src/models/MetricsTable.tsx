import type { ModelVersion } from '@atoll/sdk'
import { lessIsBetter } from '../goals/metrics.ts'
import { cx } from '../ui/cx.ts'
import { metricName, short } from '../ui/format.ts'
import { Num, WithInterval } from '../ui/Num.tsx'
import type { TrainingFile } from './evidence.ts'

/** Each metric: sealed test with interval, cross-validation with spread, and the baseline. */
export function MetricsTable({ version, training }: { version: ModelVersion; training: TrainingFile }) {
  const goal = version.goalOutcome?.metric
  const names = Object.keys(version.test).sort((a, b) => Number(b === goal) - Number(a === goal))
  const method = Object.values(version.test)[0]?.method
  return (
    <div role="region" aria-label="Metrics" tabIndex={0} className="overflow-x-auto">
      <table className="w-full text-base">
        <caption className="sr-only">Metrics of version {version.number}</caption>
        <thead className="text-sm text-faint">
          <tr>
            <th scope="col" className="border-b py-1.5 pr-3 text-left font-medium">
              Measure
            </th>
            <th scope="col" className="border-b px-3 py-1.5 text-right font-medium" title={method}>
              Sealed test
            </th>
            <th scope="col" className="border-b px-3 py-1.5 text-right font-medium" title="mean ± standard deviation over folds">
              Validation
            </th>
            <th scope="col" className="border-b py-1.5 pl-3 text-right font-medium">
              Baseline
            </th>
          </tr>
        </thead>
        <tbody>
          {names.map((name) => {
            const test = version.test[name]
            const validation = version.validation[name]
            return (
              <tr key={name} className={cx(name === goal && 'bg-accent-soft/60 font-medium')}>
                <th scope="row" className="border-b py-1.5 pr-3 pl-1 text-left font-[inherit]">
                  {metricName(name)}
                  {name === goal && <span className="ml-2 text-xs font-normal text-accent">goal</span>}
                  {lessIsBetter.has(name) && (
                    <span className="ml-1.5 font-normal text-faint" title="less is better">
                      ↓<span className="sr-only"> less is better</span>
                    </span>
                  )}
                </th>
                <td className="border-b px-3 py-1.5 text-right">
                  <WithInterval value={test?.value} low={test?.low} high={test?.high} method={test?.method} />
                </td>
                <td className="border-b px-3 py-1.5 text-right">
                  {validation ? (
                    <WithInterval
                      value={validation.mean}
                      low={validation.std === null ? null : validation.mean - validation.std}
                      high={validation.std === null ? null : validation.mean + validation.std}
                      method="one standard deviation over folds"
                    />
                  ) : (
                    <span className="text-faint">–</span>
                  )}
                </td>
                <td className="border-b py-1.5 pl-3 text-right text-soft">
                  <Num>{short(training.baseline?.[name], 3)}</Num>
                </td>
              </tr>
            )
          })}
        </tbody>
      </table>
      {method && (
        <p className="mt-2 text-xs text-faint">
          ± is half the 95 % interval ({method}); in validation, one standard deviation over folds.
        </p>
      )}
    </div>
  )
}
