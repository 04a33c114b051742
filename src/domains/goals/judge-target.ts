import { closestName } from '../../kernel/closest.ts'
import { invalidInput } from '../../kernel/errors.ts'
import type { ColumnType } from '../../ports/tables/tables.ts'
import { isClassification } from './metrics.ts'
import type { Metric, Task } from './schema.ts'

/** What is known of a target column before anything is trained. */
export interface TargetFacts {
  name: string
  type: ColumnType
  rows: number
  missing: number
  distinct: number
  /** Values with their counts, most frequent first; all of them up to `mostClasses`. */
  values: { value: string; count: number }[]
}

export interface JudgedTarget {
  task: Task
  positive: string | null
  classes: { value: string; count: number }[] | null
}

export const mostClasses = 50

/** Words that mean "this is the case" in a column with two values. The engines use the same list. */
const positiveWords = ['yes', 'true', '1', 'y', 't', 'positive', 'churn', 'churned', 'bad', 'fraud', 'default']

/** The column a target names, or a refusal that says which column was probably meant. */
export function targetColumn<C extends { name: string }>(columns: readonly C[], target: string): C {
  const found = columns.find((column) => column.name === target)
  if (found) return found
  const near = closestName(
    target,
    columns.map((column) => column.name),
  )
  const help = near ? `Did you mean "${near}"?` : `Its columns are ${listed(columns.map((column) => column.name))}.`
  throw invalidInput(`There is no column "${target}" to predict in this data set. ${help}`, { field: 'target', column: target })
}

/** Which task a target column sets, and which of its classes is the positive one; refuses what nothing can learn. */
export function judgeTarget(facts: TargetFacts, wish: { metric?: Metric | null; positive?: string | null } = {}): JudgedTarget {
  refuseHopeless(facts)
  const task = taskOf(facts, wish.metric ?? null)
  if (task === 'regression') {
    if (wish.positive)
      throw invalidInput(
        `The target "${facts.name}" is predicted as a number, so it has no positive class. Leave "positive" out.`,
        {
          field: 'positive',
          column: facts.name,
        },
      )
    return { task, positive: null, classes: null }
  }
  const lonely = facts.values.find((one) => one.count < 2)
  if (lonely)
    throw invalidInput(
      `The class "${lonely.value}" of the target "${facts.name}" has a single row; each class needs at least two, better many more. Leave that row out, or join classes.`,
      { field: 'target', column: facts.name, value: lonely.value },
    )
  if (task === 'binary') return { task, positive: positiveOf(facts, wish.positive ?? null), classes: facts.values }
  if (wish.positive)
    throw invalidInput(
      `The target "${facts.name}" has ${facts.distinct} classes; only one with two classes has a positive one.`,
      {
        field: 'positive',
        column: facts.name,
      },
    )
  return { task, positive: null, classes: facts.values }
}

function refuseHopeless({ name, type, rows, missing, distinct, values }: TargetFacts): void {
  const facts = { field: 'target', column: name }
  if (rows === 0) throw invalidInput(`The data set has no rows, so there is nothing to learn "${name}" from.`, facts)
  if (missing === rows)
    throw invalidInput(`The target "${name}" is missing in every one of the ${rows} rows.`, { ...facts, rows })
  if (distinct <= 1)
    throw invalidInput(
      `The target "${name}" is ${values[0] ? `"${values[0].value}"` : 'the same'} in every row that has it; there is nothing to learn.`,
      facts,
    )
  if (type === 'id') throw invalidInput(`The column "${name}" identifies rows; it cannot be predicted from the others.`, facts)
  if (type === 'datetime')
    throw invalidInput(`The column "${name}" holds dates. Derive a number or a class from it, and predict that.`, {
      ...facts,
      type,
    })
  if (type === 'text' && distinct > mostClasses)
    throw invalidInput(
      `The target "${name}" is free text (${distinct} different values in ${rows} rows). Choose a column with classes or numbers, or name a task that takes text (seq2seq, transcription).`,
      {
        ...facts,
        distinct,
      },
    )
}

function taskOf({ name, type, rows, distinct }: TargetFacts, metric: Metric | null): Task {
  const isNumeric = type === 'number' || type === 'integer'
  if (isNumeric && metric !== null && !isClassification(metric)) return 'regression'
  if (distinct === 2) return 'binary'
  if (type === 'number') {
    if (metric !== null && isClassification(metric) && distinct > mostClasses) throw tooManyClasses(name, distinct, rows, true)
    return metric !== null ? 'multiclass' : 'regression'
  }
  if (type === 'integer' && metric === null && distinct > 20) return 'regression'
  if (distinct > mostClasses) throw tooManyClasses(name, distinct, rows, isNumeric)
  return 'multiclass'
}

const tooManyClasses = (name: string, distinct: number, rows: number, isNumeric: boolean) =>
  invalidInput(
    `The target "${name}" has ${distinct} different values in ${rows} rows, too many for classes (at most ${mostClasses}). ${
      isNumeric
        ? 'Choose a metric of numbers (mae, rmse, r2, mape), or group its values.'
        : 'Group its values, or choose another column.'
    }`,
    { field: 'target', column: name, distinct },
  )

function positiveOf({ name, values }: TargetFacts, wanted: string | null): string {
  if (wanted !== null && wanted !== '') {
    const exact =
      values.find((one) => one.value === wanted) ?? values.find((one) => one.value.toLowerCase() === wanted.toLowerCase())
    if (exact) return exact.value
    throw invalidInput(
      `The target "${name}" is never "${wanted}"; it is ${values.map((one) => `"${one.value}"`).join(' or ')}. Choose one of these as the positive class.`,
      { field: 'positive', column: name, value: wanted },
    )
  }
  const word = values.find((one) => positiveWords.includes(one.value.toLowerCase()))
  return (word ?? values.at(-1)!).value
}

const listed = (names: string[]): string =>
  names.length > 20 ? `${names.slice(0, 20).join(', ')} and ${names.length - 20} more` : names.join(', ')
