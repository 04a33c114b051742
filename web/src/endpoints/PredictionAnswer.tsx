import type { Endpoint, Prediction, PredictOutput, Signature } from '@atoll/sdk'
import { FoundInImage } from '../places/FoundInImage.tsx'
import { Badge } from '../ui/Badge.tsx'
import { count, duration, fixed, percent, short } from '../ui/format.ts'
import { Details } from '../ui/Page.tsx'
import { Notice } from '../ui/State.tsx'
import { TurnsAnswer } from './TurnsAnswer.tsx'

const shownBars = 10

/** What an endpoint says of one row: the decision, the probabilities as bars, and whatever else the model gives. */
export function PredictionAnswer({
  answer,
  endpoint,
  seconds,
  sound = null,
  row = {},
}: {
  answer: PredictOutput
  endpoint: Endpoint
  seconds: number
  /** The recording that was asked about. */
  sound?: File | null
  /** What was asked about: a file is shown with what was found in it. */
  row?: Record<string, unknown>
}) {
  const [prediction] = answer.predictions
  if (!prediction) return null
  const { signature } = endpoint
  const { threshold, positive } = signature
  const file = Object.values(row).find((value): value is File => value instanceof File)
  const hasPlaces = prediction.objects !== undefined || prediction.mask !== undefined
  return (
    <div role="status">
      <p className="text-xl font-semibold">
        <Decision prediction={prediction} signature={signature} />
      </p>
      {hasPlaces && file && <FoundInImage file={file} prediction={prediction} signature={signature} />}
      <Probabilities prediction={prediction} signature={signature} />
      {threshold !== null && positive !== null && (
        <p className="mt-2 text-sm text-faint">
          Called {positive} from {percent(threshold)} on.
        </p>
      )}
      <Segments prediction={prediction} />
      {prediction.turns && <TurnsAnswer turns={prediction.turns} sound={sound} />}
      {prediction.spans && <Spans spans={prediction.spans} />}
      <Others prediction={prediction} threshold={threshold} />
      {answer.warnings.length > 0 && (
        <div className="mt-3 space-y-2">
          {answer.warnings.map((warning) => (
            <Notice key={warning} severity="warning">
              {warning.replace(/^Row 0, column/, 'Column')}
            </Notice>
          ))}
        </div>
      )}
      <p className="num mt-3 text-xs text-faint">
        {duration(seconds)} there and back, version {answer.version}, {prediction.id}
      </p>
    </div>
  )
}

function Decision({ prediction, signature }: { prediction: Prediction; signature: Signature }) {
  const { label, labels, value, cluster, isAnomaly, score, text, turns } = prediction
  if (turns !== undefined) return speakersIn(turns)
  if (label !== undefined)
    return (
      <>
        {signature.target && <span className="font-normal text-soft">{signature.target} = </span>}
        {label}
      </>
    )
  if (labels !== undefined)
    return labels.length === 0 ? (
      <span className="font-normal text-soft">none of the labels</span>
    ) : (
      <span className="flex flex-wrap gap-1.5">
        {labels.map((one) => (
          <Badge key={one}>{one}</Badge>
        ))}
      </span>
    )
  if (cluster !== undefined) return cluster < 0 ? 'none of the groups' : `group ${cluster}`
  if (prediction.spans) return prediction.spans.length === 0 ? 'nothing to mark' : `${prediction.spans.length} marked`
  if (isAnomaly !== undefined) return isAnomaly ? 'unlike the others' : 'like the others'
  if (text !== undefined)
    return text === '' ? (
      <span className="font-normal text-soft">nothing to write</span>
    ) : (
      <span className="font-normal whitespace-pre-wrap">{text}</span>
    )
  if (value !== undefined) return <span className="num">{short(value, 5)}</span>
  if (score !== undefined) return <span className="num">{short(score, 5)}</span>
  if (prediction.objects !== undefined) return count(prediction.objects.length, 'object')
  if (prediction.mask !== undefined) return <span className="font-normal text-soft">Each pixel has its class.</span>
  return <span className="font-normal text-soft">Its figures are below.</span>
}

function Probabilities({ prediction, signature }: { prediction: Prediction; signature: Signature }) {
  const all = Object.entries(prediction.probabilities ?? {}).sort((a, b) => b[1] - a[1])
  if (all.length === 0) return null
  const { threshold, thresholds, positive, classes } = signature
  const lineOf = (name: string): number | null =>
    signature.task === 'multilabel' ? (thresholds?.[classes?.indexOf(name) ?? -1] ?? 0.5) : name === positive ? threshold : null
  return (
    <>
      <ul className="mt-3 space-y-1.5">
        {all.slice(0, shownBars).map(([name, value]) => (
          <li key={name}>
            <div className="flex justify-between">
              <span>{name}</span>
              <span className="num text-soft">{percent(value, 1, true)}</span>
            </div>
            <div className="relative h-2 overflow-hidden rounded-full bg-sunken">
              <div className="h-full rounded-full bg-s1" style={{ width: `${value * 100}%` }} />
              {lineOf(name) !== null && (
                <span
                  className="absolute inset-y-0 w-0.5 bg-ink"
                  style={{ left: `${lineOf(name)! * 100}%` }}
                  title={`threshold ${fixed(lineOf(name)!, 3)}`}
                />
              )}
            </div>
          </li>
        ))}
      </ul>
      {all.length > shownBars && <p className="mt-1.5 text-sm text-faint">and {all.length - shownBars} classes below these</p>}
    </>
  )
}

/** A long recording's parts, with when they were said. */
function Segments({ prediction: { segments = [] } }: { prediction: Prediction }) {
  if (segments.length < 2) return null
  return (
    <ol className="mt-3 max-h-80 space-y-1 overflow-y-auto">
      {segments.map(({ start, end, text }) => (
        <li key={start} className="flex gap-3">
          <span className="num w-28 shrink-0 text-faint">
            {fixed(start, 1)} to {fixed(end, 1)} s
          </span>
          <span>{text || <span className="text-faint">nothing</span>}</span>
        </li>
      ))}
    </ol>
  )
}

/** The marked places of a text, in order. */
function Spans({ spans }: { spans: NonNullable<Prediction['spans']> }) {
  return (
    <ul className="mt-3 space-y-1">
      {spans.map((one) => (
        <li key={one.start} className="flex items-baseline justify-between gap-3">
          <span>
            {one.text} <Badge>{one.label}</Badge>
          </span>
          <span className="num text-soft">{percent(one.score, 1, true)}</span>
        </li>
      ))}
    </ul>
  )
}

/** Numbers beside the decision. */
function Others({ prediction, threshold }: { prediction: Prediction; threshold: number | null }) {
  const { score, isAnomaly, distances, vector, values, outputs = {} } = prediction
  const rows: [string, string][] = []
  if (isAnomaly !== undefined && score !== undefined)
    rows.push(['Score', `${short(score, 5)} (an anomaly from ${short(threshold, 5)} on)`])
  if (values) rows.push(['Values', listed(values)])
  if (distances) rows.push(['Distance from each group', listed(distances)])
  if (vector) rows.push(['Coordinates', listed(vector)])
  for (const [name, value] of Object.entries(outputs)) rows.push([name, Array.isArray(value) ? listed(value) : short(value, 5)])
  if (rows.length === 0) return null
  return (
    <div className="mt-3">
      <Details rows={rows} />
    </div>
  )
}

function speakersIn(turns: readonly { speaker: string }[]): string {
  const count = new Set(turns.map(({ speaker }) => speaker)).size
  return count === 0
    ? 'Nobody speaks.'
    : `${count} speaker${count === 1 ? '' : 's'} in ${turns.length} turn${turns.length === 1 ? '' : 's'}`
}

const mostListed = 24

const listed = (values: readonly number[]): string =>
  values
    .slice(0, mostListed)
    .map((value) => short(value, 4))
    .join(', ') + (values.length > mostListed ? `, and ${values.length - mostListed} more` : '')
