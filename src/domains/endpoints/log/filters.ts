import { invalidInput } from '../../../kernel/errors.ts'
import type { TableValue } from '../../../ports/tables/tables.ts'
import type { Signature } from '../../registry/schema.ts'
import type { TruthKind } from '../truth/values.ts'
import { fieldTexts, pointer } from './captured-sql.ts'
import type { LogFilter } from './schema.ts'

/** Values of one statement: what somebody typed is never text of it. */
export function bindings(): { values: TableValue[]; bind(value: TableValue): string } {
  const values: TableValue[] = []
  return {
    values,
    bind(value) {
      values.push(value)
      return `$${values.length}`
    },
  }
}
export type Bind = ReturnType<typeof bindings>['bind']

export interface LogShape {
  signature: Signature
  /** The captured key; null where there is none. */
  key: string | null
  /** Of the task; null where truth of it is not kept. */
  kind: TruthKind | null
}

/** SQL of the number by which predictions of a model are searched. */
export function scoreSql({ task, positive, classes }: Signature): string {
  const number = (path: string) => `TRY_CAST((prediction ->> '${path.replaceAll("'", "''")}') AS DOUBLE)`
  if (task === 'binary') return number(`/probabilities${pointer(positive ?? classes?.[1] ?? '')}`)
  if (task === 'multiclass') return `list_max(TRY_CAST(json_extract(prediction, '$.probabilities.*') AS DOUBLE[]))`
  if (task === 'regression') return number('/value')
  if (task === 'anomaly') return number('/score')
  return 'NULL::DOUBLE'
}

const answerSql = ({ task }: Signature): string =>
  task === 'clustering'
    ? `(prediction ->> '/cluster')`
    : task === 'anomaly'
      ? `(prediction ->> '/isAnomaly')`
      : `(prediction ->> '/label')`

/** SQL that a captured row (with `score`, and `truth` where that is asked) meets. */
export function rowConditions(filter: LogFilter, { signature, key, kind }: LogShape, bind: Bind): string[] {
  const conditions: string[] = []
  const columns = [...signature.inputs.map(({ name }) => name), ...(key === null ? [] : [key])]
  const { q, column, id, label, above, below } = filter
  if (column !== undefined && q === undefined)
    throw invalidInput('"column" says where to look for "q": give both.', { field: 'column' })
  if (column !== undefined && !columns.includes(column))
    throw invalidInput(`There is no column "${column.slice(0, 80)}". There are: ${columns.slice(0, 40).join(', ')}.`, {
      field: 'column',
    })
  if (q !== undefined) {
    const text =
      column !== undefined
        ? `(row_values ->> ${bind(pointer(column))})`
        : `array_to_string(list_concat(${fieldTexts('row_values', columns)}, [prediction ->> '/label', prediction ->> '/text']), chr(31))`
    conditions.push(`contains(lower(${text}), lower(${bind(q)}))`)
  }
  if (id !== undefined) conditions.push(`(id = ${bind(id)} OR starts_with(id, ${bind(`${id}.`)}))`)
  if (filter.key !== undefined) {
    if (key === null) throw invalidInput('This endpoint captures no key to look for.', { field: 'key' })
    conditions.push(`(row_values ->> ${bind(pointer(key))}) = ${bind(filter.key)}`)
  }
  if (label !== undefined)
    conditions.push(
      signature.task === 'multilabel'
        ? `list_contains(TRY_CAST((prediction -> '/labels') AS VARCHAR[]), ${bind(label)})`
        : `${answerSql(signature)} = ${bind(label)}`,
    )
  if (filter.version !== undefined) conditions.push(`version = ${bind(filter.version)}`)
  if (filter.variant !== undefined) conditions.push(`variant = ${bind(filter.variant)}`)
  if (above !== undefined) conditions.push(`score >= ${bind(above)}`)
  if (below !== undefined) conditions.push(`score < ${bind(below)}`)
  if (filter.truth !== undefined) conditions.push(truthCondition(filter.truth, kind))
  return conditions
}

function truthCondition(wanted: NonNullable<LogFilter['truth']>, kind: TruthKind | null): string {
  if (wanted === 'known') return 'truth IS NOT NULL'
  if (wanted === 'unknown') return 'truth IS NULL'
  if (kind?.score !== 'classes')
    throw invalidInput(`Only classes are right or wrong; this model answers otherwise. Ask for "known" or "unknown".`, {
      field: 'truth',
    })
  return `truth IS NOT NULL AND ${kind.toColumn('truth')} ${wanted === 'right' ? '=' : '<>'} (prediction ->> '/label')`
}

/** Plain characters stand in JSON as they are, whoever wrote it. */
const isPlain = (text: string): boolean => /^[A-Za-z0-9 _.,:;()+-]+$/.test(text)

/** SQL that a request meets if any of its rows meets the filter: a look at the text of a line, before it is read. */
export function requestCondition({ q, id, key }: LogFilter): string | undefined {
  const texts: string[] = []
  if (q !== undefined && isPlain(q))
    texts.push(
      `(contains(lower(body::VARCHAR), '${q.toLowerCase()}') OR contains(lower(predictions::VARCHAR), '${q.toLowerCase()}'))`,
    )
  if (id !== undefined && isPlain(id)) texts.push(`contains(predictions::VARCHAR, '"${id}')`)
  if (key !== undefined && isPlain(key)) texts.push(`contains(body::VARCHAR, '${key}')`)
  return texts.length > 0 ? texts.join(' AND ') : undefined
}
