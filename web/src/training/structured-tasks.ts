import type { TrainingInput } from '@atoll/sdk'
import type { Metric } from '../goals/metrics.ts'

type Task = NonNullable<TrainingInput['task']>

/** A task whose target holds more than one class or number a row, and so must be asked for. */
export interface StructuredTask {
  task: Task
  label: string
  hint: string
  /** What its column holds, and the types that can. */
  holds: string
  types: readonly string[]
  /** Data without a column of this type cannot have such a task. */
  needs: string
  metrics: readonly Metric[]
}

const words = ['text', 'category', 'id']

export const structuredTasks: readonly StructuredTask[] = [
  {
    task: 'transcription',
    label: 'write down speech',
    hint: 'Learns from recordings and what is said in them.',
    holds: 'Column of what is said',
    types: words,
    needs: 'audio',
    metrics: ['word_error_rate', 'character_error_rate', 'exact_match', 'perplexity'],
  },
  {
    task: 'seq2seq',
    label: 'write another text',
    hint: 'Summaries, translations, normalised forms: learns from pairs of texts.',
    holds: 'Column of the text to write',
    types: words,
    needs: 'text',
    metrics: ['chrf', 'rouge_l', 'exact_match', 'perplexity'],
  },
  {
    task: 'detection',
    label: 'find objects in images',
    hint: 'A label, a box and how sure, for each thing in an image.',
    holds: 'Column of boxes',
    types: ['text', 'category'],
    needs: 'image',
    metrics: ['mean_average_precision', 'average_precision_50', 'average_precision_75', 'f1'],
  },
  {
    task: 'segmentation',
    label: 'divide images into regions',
    hint: 'A class for each pixel: learns from masks of the same size.',
    holds: 'Column of masks',
    types: ['image'],
    needs: 'image',
    metrics: ['mean_iou', 'dice', 'pixel_accuracy'],
  },
]

export const structuredTask = (task: string | null | undefined): StructuredTask | null =>
  structuredTasks.find((one) => one.task === task) ?? null
