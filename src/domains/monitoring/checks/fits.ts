import { type Task, targetTasks } from '../../goals/schema.ts'
import type { ModelVersion, Signature } from '../../registry/schema.ts'
import { isOfCells } from '../table-rows.ts'
import { watchedColumns } from '../watched-columns.ts'
import type { CheckInput, CheckKind } from './settings.ts'

export interface Watched {
  signature: Signature
  served: ModelVersion['manifest']['kind']
}

/** What in a check's settings is not of the model, in words; null where all is. */
export function whyMisnamed({ kind, settings }: CheckInput, { inputs, classes }: Signature): string | null {
  const named = kind === 'bias' ? settings.facets : kind === 'data_drift' ? settings.columns : null
  const absent = named?.find((name) => !inputs.some((input) => input.name === name))
  if (absent !== undefined) return `"${absent}" is no input of the model, so requests do not say it.`
  // A group that never gets an outcome that there is not would look treated as well as any other.
  const favourable = kind === 'bias' ? settings.favourable : null
  return favourable !== null && classes && !classes.includes(favourable)
    ? `"${favourable}" is none of the model's classes: ${classes.slice(0, 10).join(', ')}.`
    : null
}

const elsewhere: ReadonlySet<Watched['served']> = new Set(['external', 'gguf', 'pipeline'])
const ofClasses: readonly Task[] = ['binary', 'multiclass']
const oneOfTarget: readonly Task[] = targetTasks

/** Why a check makes no sense for a model, in words; null where it does. */
export function whyUnfit(kind: CheckKind, { signature, served }: Watched): string | null {
  const { task, classes, inputs } = signature
  if (kind === 'operations') return null
  if (task === 'generation')
    return 'A language model has no columns, classes or numbers that could be compared. Of its endpoint the check operations can be watched: errors, latency, load and cost.'
  const watched = watchedColumns(signature)
  const has = (role: 'input' | 'prediction') => watched.some((column) => column.role === role)
  switch (kind) {
    case 'data_quality':
    case 'data_drift':
    case 'multivariate_drift':
      return has('input')
        ? null
        : 'The model reads no columns, only images or sounds. What it makes of these is watched by embedding_drift.'
    case 'prediction_drift':
      return has('prediction')
        ? null
        : `What the task ${task} answers is neither a number nor one of a few words, so it has no distribution to compare.`
    case 'performance':
      return oneOfTarget.includes(task) ? null : `Answers of the task ${task} are not held against a truth row by row.`
    case 'performance_estimate':
      return ofClasses.includes(task)
        ? null
        : `An estimate without truth needs probabilities of classes, which the task ${task} has not.`
    case 'bias':
      if (!oneOfTarget.includes(task)) return `Groups are compared by classes or numbers, which the task ${task} does not answer.`
      return has('input') ? null : 'The model reads no columns, so requests do not say which group they are about.'
    case 'explanation_drift':
      if (!isOfCells(signature)) return 'Answers about images and sounds are explained one by one, not compared by columns.'
      if (elsewhere.has(served)) return 'The model cannot be asked beside its endpoint, so its answers are not explained.'
      if (!oneOfTarget.includes(task)) return `Answers of the task ${task} are not explained by columns.`
      return inputs.length > 1 ? null : 'A model of one column has no order of importance.'
    case 'embedding_drift':
      return classes !== null || task === 'embedding' || task === 'projection'
        ? null
        : `The task ${task} answers neither vectors nor probabilities of classes.`
  }
}
