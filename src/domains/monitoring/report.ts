import { newId } from '../../kernel/ids.ts'
import { toIso } from '../../kernel/time.ts'
import type { ModelVersion } from '../registry/schema.ts'
import { checkOf } from './checks/all-checks.ts'
import type { Looked } from './checks/check.ts'
import { controlSentence } from './repeated-runs.ts'
import { type Checked, tooFewRows } from './run-checks.ts'
import type { CheckReport, DriftReport } from './schema.ts'
import { reportSentence } from './sentences.ts'
import type { MonitorRow } from './store.ts'

/** A report of what the checks found. */
export function reportOf(
  monitor: MonitorRow,
  version: ModelVersion,
  { looked, checked, seconds }: { looked: Looked; checked: Checked; seconds: number },
): DriftReport {
  const at = Date.now()
  const { checks, columns, tests, control } = checked
  return {
    id: newId('rep', at),
    monitor: monitor.id,
    endpoint: monitor.endpoint_id,
    version: version.id,
    at: toIso(at),
    source: looked.source,
    baselineRows: looked.baseline.rows,
    rows: looked.rows,
    state: stateOf(looked, checks),
    checks,
    columns,
    tests,
    control,
    sentence: control ? `${sentenceOf(looked, checked)} ${controlSentence(control)}` : sentenceOf(looked, checked),
    seconds,
  }
}

/** The worst that a check says; too few rows where none alarms and rows were wanting. */
function stateOf({ rows, monitor }: Looked, checks: readonly CheckReport[]): DriftReport['state'] {
  const states = checks.map(({ state }) => state)
  if (states.includes('alert')) return 'alert'
  if (states.includes('warning')) return 'warning'
  return rows < monitor.minimum_rows && checks.some(({ kind }) => checkOf(kind).needsRows) ? 'too_few_rows' : 'quiet'
}

const ofColumns: readonly CheckReport['kind'][] = ['data_drift', 'prediction_drift']

function sentenceOf(looked: Looked, { checks, columns }: Checked): string {
  const alarming = checks.filter(({ state }) => state === 'warning' || state === 'alert')
  const others = alarming.filter(({ kind }) => !ofColumns.includes(kind)).map(({ sentence }) => sentence)
  if (columns.length > 0 && (others.length === 0 || alarming.length > others.length))
    return [reportSentence(columns, looked.rows, looked.source), ...others].join(' ')
  if (others.length > 0) return others.join(' ')
  const judged = checks.filter(({ state }) => state !== 'not_judged')
  const isShort = looked.rows < looked.monitor.minimum_rows && checks.some(({ kind }) => checkOf(kind).needsRows)
  if (isShort) return tooFewRows(looked)
  if (judged.length === 0) return checks.map(({ sentence }) => sentence).join(' ')
  return `Nothing alarms: ${judged.map(({ sentence }) => sentence).join(' ')}`
}
