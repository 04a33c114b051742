import { invalidInput } from '../../kernel/errors.ts'
import type { Family, RuntimeName } from '../../ports/engines/runtimes.ts'
import type { Column } from '../datasets/schema.ts'
import { type Algorithm, engineFor } from '../training/algorithms.ts'
import type { EngineParameters, TrainingSpec } from '../training/spec.ts'
import type { CompressionInput } from './schema.ts'

type Space = CompressionInput['space']

/** What learns from a teacher where nobody says: small, quick, and of the teacher's own kind of data. */
const usual: Partial<Record<Family, { algorithms: string[]; space: Space; options?: Record<string, unknown> }>> = {
  tabular: { algorithms: ['lightgbm'], space: { lightgbm: { n_estimators: 60, num_leaves: 15 } } },
  text: { algorithms: ['text_bag'], space: { text_bag: { width: 16 } } },
  image: { algorithms: ['image_cnn'], space: {}, options: { width: 8 } },
  audio: { algorithms: ['audio_cnn'], space: {}, options: { width: 8 } },
}

/** The engines and parameters of a student: the teacher's training with other algorithms, and what the teacher says beside the labels. */
export function studentOf(
  known: readonly Algorithm[],
  trained: TrainingSpec,
  input: CompressionInput,
  family: Family,
  columns: readonly Pick<Column, 'name' | 'type'>[],
): { engine: { family: Family; runtime: RuntimeName }; parameters: EngineParameters } {
  const given = usual[family]
  const algorithms = input.algorithms.length > 0 ? input.algorithms : given?.algorithms
  if (!algorithms) throw invalidInput('Say what the student is to be (algorithms).', { field: 'algorithms' })
  const options = Object.keys(input.options).length > 0 || input.algorithms.length > 0 ? input.options : (given?.options ?? {})
  const space = Object.keys(input.space).length > 0 ? input.space : input.algorithms.length > 0 ? {} : (given?.space ?? {})
  const { parameters } = trained
  const engine = engineFor(known, algorithms, { task: parameters.task, columns, options })
  const isSet = Object.keys(space).length > 0 && Object.values(space).every((one) => Object.values(one).every(isPlain))
  return {
    engine,
    parameters: {
      ...parameters,
      algorithms,
      // What a student's settings are worth is found out once they are searched for; given ones are taken as they are.
      search: {
        strategy: isSet ? 'none' : 'tpe',
        trials: isSet || engine.runtime !== 'tabular' ? 1 : null,
        budgetSeconds: input.budgetSeconds,
        space: Object.keys(space).length > 0 ? space : null,
        warmStart: [],
      },
      // Shares of classes stand for the labels, which other answers to unequal classes would undo.
      imbalance: 'none',
      calibration: 'none',
      options: { ...columnOptions(parameters.options), ...options },
      lesson: { alpha: input.alpha, temperature: input.temperature },
    },
  }
}

const isPlain = (value: unknown): boolean => typeof value !== 'object'

/** Which columns the teacher read, so that the student reads the same. */
const columnOptions = (options: Record<string, unknown> = {}): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(options).filter(([name]) => ['column', 'columns', 'separator', 'imageSize', 'channels', 'fit'].includes(name)),
  )
