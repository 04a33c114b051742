import { invalidInput, preconditionFailed } from '../../../kernel/errors.ts'
import { literal } from '../../../ports/tables/sql.ts'
import type { Signature } from '../../registry/schema.ts'

/** How truth of a task is told apart from what cannot be true. */
export interface TruthKind {
  /** In words, for refusals. */
  wanted: string
  /** The value as it is kept; undefined where it is none of the task. */
  read(value: unknown): string | number | boolean | string[] | undefined
  /** The same of a column of text, as JSON; NULL where it is none. Null where a file cannot hold such values. */
  ofText: ((column: string) => string) | null
  /** SQL of the kept JSON (a column of text) as a column of its own. */
  toColumn(json: string): string
  /** How predictions are scored against it, if they are. */
  score: 'classes' | 'numbers' | null
}

/** What may be true of the predictions of a model; refuses tasks whose truth is more than a value. */
export function truthKind({ task, classes, positive }: Signature): TruthKind {
  if (task === 'binary' || task === 'multiclass') return classKind(classes ?? [], positive)
  if (task === 'regression') return numberKind
  if (task === 'multilabel') return labelsKind(classes ?? [])
  if (task === 'anomaly') return flagKind
  if (task === 'clustering') return { ...numberKind, wanted: 'the number of a group', score: null }
  if (task === 'seq2seq' || task === 'transcription' || task === 'generation') return textKind
  throw preconditionFailed(
    `Truth of the task "${task}" is more than a value, and is not kept here. Add what turned out to a data set instead.`,
    { task },
  )
}

const asText = (json: string): string => `(${json}::JSON ->> '$')`

function classKind(classes: readonly string[], _positive: string | null): TruthKind {
  const known = new Set(classes)
  return {
    wanted: `one of the classes ${listOf(classes)}`,
    // Labels that look like numbers or flags come as such from files and programs.
    read: (value) =>
      ['string', 'number', 'boolean'].includes(typeof value) && known.has(String(value)) ? String(value) : undefined,
    ofText: (column) => `CASE WHEN ${column} IN (${classes.map(literal).join(', ')}) THEN to_json(${column})::VARCHAR END`,
    toColumn: asText,
    score: 'classes',
  }
}

const numberKind: TruthKind = {
  wanted: 'a finite number',
  read: (value) => (typeof value === 'number' && Number.isFinite(value) ? value : undefined),
  ofText: (column) =>
    `CASE WHEN isfinite(TRY_CAST(${column} AS DOUBLE)) THEN to_json(TRY_CAST(${column} AS DOUBLE))::VARCHAR END`,
  toColumn: (json) => `TRY_CAST(${json} AS DOUBLE)`,
  score: 'numbers',
}

const flagKind: TruthKind = {
  wanted: 'true or false',
  read: (value) => (typeof value === 'boolean' ? value : undefined),
  ofText: (column) => `to_json(TRY_CAST(${column} AS BOOLEAN))::VARCHAR`,
  toColumn: (json) => `TRY_CAST(${json} AS BOOLEAN)`,
  score: null,
}

const textKind: TruthKind = {
  wanted: 'a text',
  read: (value) => (typeof value === 'string' ? value : undefined),
  ofText: (column) => `to_json(${column})::VARCHAR`,
  toColumn: asText,
  score: null,
}

function labelsKind(classes: readonly string[]): TruthKind {
  const known = new Set(classes)
  return {
    wanted: `a list of classes, of ${listOf(classes)}`,
    read: (value) =>
      Array.isArray(value) && value.every((one) => known.has(one)) ? [...new Set(value as string[])].sort() : undefined,
    ofText: null,
    toColumn: (json) => json,
    score: null,
  }
}

/** What an item says, as it is kept: JSON. Null takes back what was said. */
export function truthJson(kind: TruthKind, value: unknown, item: number): string {
  if (value === null) return 'null'
  const read = kind.read(value)
  if (read !== undefined) return JSON.stringify(read)
  throw invalidInput(`Item ${item}: the truth must be ${kind.wanted}, not ${shown(value)}.`, {
    item,
    field: `items.${item}.value`,
  })
}

const shown = (value: unknown): string => JSON.stringify(value).slice(0, 80)
const listOf = (names: readonly string[]): string =>
  names.length > 20 ? `${names.slice(0, 20).join(', ')} and ${names.length - 20} more` : names.join(', ')
