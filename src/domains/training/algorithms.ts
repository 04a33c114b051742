import type * as z from 'zod'
import { invalidInput } from '../../kernel/errors.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Task } from '../goals/schema.ts'
import type { AlgorithmInfo } from './schema.ts'

export type Algorithm = z.infer<typeof AlgorithmInfo>

/** The algorithms that the engines know. The engines' own file is the one description of them. */
export async function readAlgorithms({ files, enginesFolder }: { files: Files; enginesFolder: string }): Promise<Algorithm[]> {
  const { algorithms } = (await files.readJson(enginesFolder, 'atoll_engines/tabular/algorithms.json')) as {
    algorithms: Algorithm[]
  }
  return algorithms
}

export function refuseAlgorithmsOfOtherTask(known: readonly Algorithm[], asked: readonly string[], task: Task): void {
  for (const name of asked) {
    if (name === 'auto') continue
    const algorithm = known.find((one) => one.name === name)
    if (algorithm?.tasks.includes(task)) continue
    const fitting = known.filter((one) => one.tasks.includes(task)).map((one) => one.name)
    throw invalidInput(
      algorithm
        ? `${algorithm.title} cannot do a ${task} task. These can: ${fitting.join(', ')}.`
        : `There is no algorithm "${name}". For a ${task} task there are: ${fitting.join(', ')}.`,
      { field: 'algorithms', algorithm: name, task },
    )
  }
}
