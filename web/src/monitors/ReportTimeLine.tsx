import type { CheckReport, DriftReport } from '@atoll/sdk'
import { cx } from '../ui/cx.ts'
import { dateTime } from '../ui/format.ts'
import { checkWords } from './checks.ts'

type State = CheckReport['state']

const colours: Record<State, string> = {
  quiet: 'bg-good/60',
  warning: 'bg-warn',
  alert: 'bg-bad',
  not_judged: 'bg-sunken',
}
/** A height beside the colour, so that a state is told without it. */
const heights: Record<State, string> = { quiet: 'h-1.5', warning: 'h-3', alert: 'h-5', not_judged: 'h-px' }
const words: Record<State, string> = { quiet: 'quiet', warning: 'warning', alert: 'alert', not_judged: 'not judged' }

/** Report after report, check by check; one is shown, another can be chosen. */
export function ReportTimeLine({
  reports,
  shown,
  onShow,
}: {
  /** Newest first. */
  reports: readonly DriftReport[]
  shown: string
  onShow: (report: string) => void
}) {
  const inOrder = [...reports].reverse()
  const kinds = [...new Set(reports.flatMap(({ checks }) => checks.map(({ kind }) => kind)))]
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard
    <section className="overflow-x-auto" aria-label="Reports over time" tabIndex={0}>
      <table className="text-sm">
        <tbody>
          <tr>
            <th className="sticky left-0 bg-surface py-1 pr-4 text-left font-medium text-soft">Report</th>
            {inOrder.map((report) => (
              <td key={report.id} className="px-px align-bottom">
                <button
                  type="button"
                  title={`${dateTime(report.at)}: ${report.state.replaceAll('_', ' ')}`}
                  aria-label={`Report of ${dateTime(report.at)}: ${report.state.replaceAll('_', ' ')}`}
                  aria-pressed={report.id === shown}
                  onClick={() => onShow(report.id)}
                  className={cx(
                    'flex h-7 w-6 items-end justify-center rounded-sm border p-0.5',
                    report.id === shown ? 'border-accent' : 'border-transparent hover:border-line',
                  )}
                >
                  <Mark state={report.state === 'too_few_rows' ? 'not_judged' : report.state} />
                </button>
              </td>
            ))}
          </tr>
          {kinds.map((kind) => (
            <tr key={kind}>
              <th className="sticky left-0 bg-surface py-0.5 pr-4 text-left font-normal whitespace-nowrap">
                {checkWords[kind].title}
              </th>
              {inOrder.map((report) => {
                const state = report.checks.find((check) => check.kind === kind)?.state ?? 'not_judged'
                return (
                  <td key={report.id} className="px-px">
                    <span
                      className="flex h-5 w-6 items-end justify-center px-0.5"
                      title={`${dateTime(report.at)}: ${words[state]}`}
                    >
                      <Mark state={state} />
                      <span className="sr-only">{words[state]}</span>
                    </span>
                  </td>
                )
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

const Mark = ({ state }: { state: State }) => (
  <span aria-hidden="true" className={cx('block w-full rounded-[2px]', colours[state], heights[state])} />
)
