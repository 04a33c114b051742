import { invalidInput } from '../../kernel/errors.ts'
import type { Family } from '../../ports/engines/runtimes.ts'
import { refuseMetricOfOtherTask } from '../goals/metrics.ts'
import { lowerIsBetter, type Metric, type Task } from '../goals/schema.ts'
import type { SearchSpec } from '../tuning/schema.ts'

export type Objectives = { metric: string; direction: 'minimize' | 'maximize' }[]

/** Beside the metrics of a task: measured on the graph that is served. */
const measured = new Set(['latency_ms', 'size_bytes'])
/** Families whose searches hand trials to processes; those of the others are few or quick. */
const sideBySide = new Set<Family>(['tabular', 'text', 'image', 'audio'])

/** The objectives of a search, the metric first; none where the metric is all. */
export function objectivesOf(asked: SearchSpec['objectives'], metric: Metric): Objectives {
  const others = asked.filter((one) => one.metric !== metric)
  if (others.length === 0) return []
  return [{ metric }, ...others].map(({ metric: name }) => ({
    metric: name,
    direction: isLessBetter(name) ? 'minimize' : 'maximize',
  }))
}

const isLessBetter = (name: string): boolean => measured.has(name) || lowerIsBetter.has(name as Metric)

/** Refuses objectives, limits and side-by-side trials that mean nothing for the task. */
export function refuseSearch(
  search: SearchSpec,
  about: { family: Family; task: Task; metric: Metric; target: string | null },
): void {
  const { family, task, metric, target } = about
  if (search.parallel > 1 && !sideBySide.has(family))
    throw invalidInput(`Trials of ${family} searches do not run side by side. Leave "parallel" out.`, {
      field: 'search.parallel',
    })
  if (search.objectives.length > 0 && family !== 'tabular')
    throw invalidInput('Several objectives are measured for models of tables only.', { field: 'search.objectives' })
  for (const { metric: name, direction } of search.objectives) {
    if (!measured.has(name)) refuseMetricOfOtherTask(name as Metric, task, target)
    if (direction !== undefined && (direction === 'minimize') !== isLessBetter(name))
      throw invalidInput(
        `The direction of ${name} is ${direction}, but ${isLessBetter(name) ? 'less' : 'more'} of it is better.`,
        {
          field: 'search.objectives',
        },
      )
  }
  const names = new Set([metric, ...search.objectives.map((one) => one.metric)])
  if (search.choose && search.objectives.length === 0)
    throw invalidInput('A rule of choice is for several objectives; name them in search.objectives.', { field: 'search.choose' })
  for (const name of Object.keys(search.choose?.within ?? {}))
    if (!names.has(name))
      throw invalidInput(`The limit on "${name}" is on no objective of the search: ${[...names].join(', ')}.`, {
        field: 'search.choose.within',
      })
}
