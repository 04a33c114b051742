import { closestName } from '../../kernel/closest.ts'
import { invalidInput } from '../../kernel/errors.ts'
import type { ColumnType } from '../../ports/tables/tables.ts'

/** What is known of a column that somebody wants to predict. Counts are null while unknown. */
export interface TargetFacts {
  name: string
  type: ColumnType
  rows: number
  missing: number | null
  distinct: number | null
}

const words: readonly ColumnType[] = ['text', 'category', 'id']
const numbers: readonly ColumnType[] = ['number', 'integer', 'boolean']

/** Targets that are neither a class nor a number to a model: by task, the types of columns that hold them. */
const takenByTask: Record<string, readonly ColumnType[]> = {
  multilabel: words,
  forecast: numbers,
  tokens: words,
  seq2seq: words,
  transcription: words,
  detection: ['text', 'category'],
  segmentation: ['image'],
}

/** Whether a task reads more out of its target than one class or number a row. */
export const isStructured = (task: string | null): boolean => task !== null && task !== 'forecast' && task in takenByTask

/** Refuses a column that no model can be trained for, and says why; the task says what may stand in it. */
export function refuseTarget({ name, type, rows, missing, distinct }: TargetFacts, task: string | null = null): void {
  const facts = { field: 'target', column: name, type, rows, missing, distinct }
  if (missing !== null && missing >= rows)
    throw invalidInput(`The target "${name}" is missing in every row: there is nothing to learn.`, facts)
  if (distinct === 1)
    throw invalidInput(`The target "${name}" has one and the same value in every row: there is nothing to learn.`, facts)
  const taken = task === null ? undefined : takenByTask[task]
  if (taken) {
    if (taken.includes(type)) return
    throw invalidInput(
      `The target "${name}" is of type ${type}; for the task ${task} it must be of type ${taken.join(' or ')}.`,
      { ...facts, task },
    )
  }
  if (type === 'datetime') throw invalidInput(`The target "${name}" is a date. Choose a column of classes or numbers.`, facts)
  if (
    (type === 'text' && (distinct === null || distinct > 50)) ||
    (words.includes(type) && distinct !== null && distinct > 200 && distinct > 0.5 * rows)
  )
    throw invalidInput(
      `The target "${name}" is free text${distinct ? ` (about ${distinct} different values in ${rows} rows)` : ''}. Choose a column of classes or numbers, or name a task that takes text (seq2seq, transcription).`,
      facts,
    )
  if (type === 'id')
    throw invalidInput(
      `The target "${name}" is different in every row, like a key. Choose a column of classes or numbers.`,
      facts,
    )
}

/** classes, or a number to predict: whole numbers with few values are classes. */
export function taskOf({ type, distinct }: { type: ColumnType; distinct: number }): 'binary' | 'multiclass' | 'regression' {
  const classes =
    type === 'boolean' || type === 'category' || type === 'text' || distinct <= 2 || (type === 'integer' && distinct <= 20)
  return classes ? (distinct <= 2 ? 'binary' : 'multiclass') : 'regression'
}

/** The column of that name, or which one was probably meant. */
export function columnNamed<C extends { name: string }>(columns: readonly C[], name: string, field: string): C {
  const found = columns.find((one) => one.name === name)
  if (found) return found
  const names = columns.map((one) => one.name)
  const near = closestName(name, names)
  const help = near
    ? `Did you mean "${near}"?`
    : `It has ${names
        .slice(0, 12)
        .map((one) => `"${one}"`)
        .join(', ')}${names.length > 12 ? ` and ${names.length - 12} more` : ''}.`
  throw invalidInput(`There is no column "${name.slice(0, 120)}". ${help}`, { field, column: name.slice(0, 120) })
}
