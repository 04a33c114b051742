import { algorithmName, dateTime, metricName, percent, short, whole } from '../ui/format.ts'
import { NounLink } from '../ui/NounLink.tsx'
import { WithInterval } from '../ui/Num.tsx'
import { Facts } from './Facts.tsx'

type Evidence = Record<string, unknown>
const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null)
const number = (value: unknown): number => (typeof value === 'number' ? value : 0)

/** What training made, with its figures on the sealed rows. */
export function TrainView({ evidence }: { evidence: Evidence }) {
  const test = (evidence.test ?? {}) as Record<string, { value: number; low: number; high: number }>
  const goal = evidence.goal as { sentence: string } | null | undefined
  const shown = ['f1', 'f1_macro', 'roc_auc', 'accuracy', 'log_loss', 'rmse', 'mae', 'r2'].filter((name) => test[name])
  const job = text(evidence.job)
  const run = text(evidence.run)
  return (
    <Facts
      rows={[
        text(evidence.algorithm) !== null && ['Algorithm', algorithmName(text(evidence.algorithm)!)],
        text(evidence.model) !== null && [
          'Model',
          <NounLink key="model" noun="model" to={text(evidence.model)!} search={{ version: String(evidence.version) }}>
            {`${text(evidence.model)}:${evidence.version}`}
          </NounLink>,
        ],
        ...shown.map((name) => [`${metricName(name)}, sealed rows`, <WithInterval key={name} {...test[name]!} />] as const),
        goal ? ['Goal', goal.sentence] : null,
        job !== null && [
          'Job',
          <NounLink key="job" noun="job" to={job}>
            the training
          </NounLink>,
        ],
        run !== null && [
          'Run',
          <NounLink key="run" noun="run" to={run}>
            parameters and figures
          </NounLink>,
        ],
      ]}
    />
  )
}

/** Who decided, and why. */
export function ApprovalView({ evidence }: { evidence: Evidence }) {
  return (
    <Facts
      rows={[
        text(evidence.by) !== null && ['By', text(evidence.by)],
        text(evidence.note) !== null && ['Why', text(evidence.note)],
        text(evidence.at) !== null && ['When', dateTime(text(evidence.at)!)],
      ]}
    />
  )
}

/** How the shadow's answers differed from those that people got. */
export function ShadowView({ evidence }: { evidence: Evidence }) {
  const times = (of: unknown) => {
    const found = of as { p50: number; p95: number } | null | undefined
    return found ? `p50 ${found.p50.toFixed(1)} ms, p95 ${found.p95.toFixed(1)} ms` : '–'
  }
  const rows = number(evidence.rows)
  return (
    <Facts
      rows={[
        ['Requests', `${whole(number(evidence.requests))} of ${whole(number(evidence.wantedRequests))} wanted`],
        [
          'Rows that differ',
          `${whole(number(evidence.differing))} of ${whole(rows)}${rows > 0 ? ` (${percent(number(evidence.differing) / rows)})` : ''}`,
        ],
        evidence.meanAbsDifference != null && [
          'Mean difference',
          `${short(number(evidence.meanAbsDifference), 3)}, at most ${short(number(evidence.maxAbsDifference), 3)}`,
        ],
        ['Errors of the shadow', whole(number(evidence.errors))],
        ['Champion', times(evidence.mainMs)],
        ['Challenger', times(evidence.shadowMs)],
      ]}
    />
  )
}

/** The canary, step by step. */
export function RolloutView({ evidence }: { evidence: Evidence }) {
  const log = (evidence.log ?? []) as { at: string; text: string }[]
  const variants = (evidence.variants ?? []) as { name: string; weight: number; live: { requests: number; errors: number } }[]
  return (
    <div className="space-y-3">
      <ol className="space-y-1">
        {log.map((line) => (
          <li key={line.at + line.text} className="flex flex-wrap gap-x-3">
            <span className="num text-faint">{dateTime(line.at)}</span>
            <span>{line.text}</span>
          </li>
        ))}
      </ol>
      <Facts
        rows={variants.map(
          (one) =>
            [
              one.name,
              `${one.weight} %; ${whole(one.live.requests)} requests, ${whole(one.live.errors)} errors in the last hour`,
            ] as const,
        )}
      />
    </div>
  )
}

/** What serves after everything was put back. */
export const RestoreView = ({ evidence }: { evidence: Evidence }) => (
  <Facts rows={[text(evidence.name) !== null && ['Serves', text(evidence.name)]]} />
)
