import { invalidInput } from '../../kernel/errors.ts'
import type { Split } from '../datasets/schema.ts'

/** Refuses a split on which no model of this target can be judged. */
export function refuseOtherSplit(split: Split, dataset: { id: string; name: string }, target: string | null): void {
  const facts = { field: 'split', split: split.id }
  if (split.dataset !== dataset.id) throw invalidInput(`This split is not of the data set "${dataset.name}".`, facts)
  if (split.target !== null && split.target !== target)
    throw invalidInput(
      `This split was made for the target "${split.target}", not ${target === null ? 'for a task without one' : `"${target}"`}.`,
      facts,
    )
  if (split.state === 'failed')
    throw invalidInput('This split could not be made, so nothing can be judged on it. See its job for the reason.', {
      ...facts,
      job: split.job,
    })
}
