import type { Detected } from './inspect/detect.ts'
import type { Sample } from './sample.ts'
import type { ImportAnswers, Missing } from './schema.ts'

const tasks = ['binary', 'multiclass', 'regression']

/** What a model that a job converts does not say of itself, and nobody said. */
export function missingFor(
  found: Detected,
  answers: ImportAnswers,
  sample: Sample | null,
  { hasPreparation }: { hasPreparation: boolean },
): Missing[] {
  const missing: Missing[] = []
  const need = (field: string, why: string, choices: string[] = []) => missing.push({ field, why, choices })
  const isTable = ['sklearn', 'xgboost', 'lightgbm', 'catboost'].includes(found.format)
  if (['xgboost', 'lightgbm', 'torchscript'].includes(found.format) && answers.task === undefined)
    need('task', `${found.algorithm} does not say what its numbers are for.`, tasks)
  if (isTable && found.width !== null && !found.columns && !answers.columns && !sample)
    need(
      'columns',
      `It takes ${found.width} columns and does not say their names. Name them in its order, bring a sample, or say "numbered".`,
    )
  const isOfImages = found.format === 'torchscript' && (answers.takes === 'image' || answers.image !== undefined)
  if (isOfImages && !hasPreparation) {
    const { size, scale, mean, std } = answers.image ?? {}
    if (!size) need('image-size', 'A program does not say in which size it is shown images: say height and width.')
    if (scale === undefined && !mean && !std)
      need(
        'image-scale',
        'It does not say how pixels become its numbers: say mean and std by colour (of pixels from 0 to 1), or a scale alone (1 leaves them 0 to 255).',
      )
  }
  if (found.format === 'torchscript' && !isOfImages && !sample)
    need('sample', 'A TorchScript program does not say what it is given: bring rows as it takes them.')
  if (found.format === 'torchscript' && (answers.task === 'binary' || answers.task === 'multiclass') && !answers.classes)
    need('classes', 'It does not say which classes its scores are of; name them in their order.')
  if (found.format === 'custom') {
    if (answers.task === undefined) need('task', 'Code does not say what its answers are.', tasks)
    if (!sample) need('sample', 'Code does not say which columns it takes: bring rows as it takes them.')
    const isOfClasses = answers.task === 'binary' || answers.task === 'multiclass'
    if (isOfClasses && !answers.classes && !sample?.columns.some(({ name }) => name === answers.target))
      need('classes', 'It does not say which classes it answers with; name them in the order of its probabilities.')
  }
  return missing
}
