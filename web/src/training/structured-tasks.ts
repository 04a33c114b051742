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

/** A task that learns from the rows alone, and what a goal can ask of it. */
export interface RowsAloneTask {
  task: Task
  label: string
  hint: string
  metrics: readonly Metric[]
}

export const rowsAloneTasks: readonly RowsAloneTask[] = [
  {
    task: 'clustering',
    label: 'find groups',
    hint: 'Rows that are alike; no column is predicted.',
    metrics: ['silhouette', 'stability', 'davies_bouldin', 'calinski_harabasz', 'noise_share'],
  },
  {
    task: 'anomaly',
    label: 'find anomalies',
    hint: 'Rows unlike the others; no column is predicted.',
    metrics: ['stability', 'anomaly_share'],
  },
  {
    task: 'projection',
    label: 'draw a map',
    hint: 'Two numbers for each row, so that rows that are alike lie near.',
    metrics: ['trustworthiness', 'explained_variance'],
  },
  {
    task: 'topics',
    label: 'find topics',
    hint: 'What the texts of one column are about.',
    metrics: ['coherence', 'diversity', 'perplexity'],
  },
]

export const structuredTask = (task: string | null | undefined): StructuredTask | null =>
  structuredTasks.find((one) => one.task === task) ?? null
