import { invalidInput, preconditionFailed } from '../../kernel/errors.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { Access } from '../auth/access.ts'
import type { Endpoint } from '../endpoints/schema.ts'
import type { GoalsService } from '../goals/service.ts'
import { refuseBadSchedule } from '../monitoring/schedule.ts'
import { isOfCells } from '../monitoring/table-rows.ts'
import type { ModelVersion } from '../registry/schema.ts'
import type { LoopPolicy } from './schema.ts'

interface About {
  champion: ModelVersion
  capture: Endpoint['capture']
  project: string
}

/** What a loop may be told, by the model that is served and by who tells it. */
export function policyRules({ access, goals }: { access: Access; goals: Pick<GoalsService, 'get'> }) {
  /** The goal by which the run trains and judges: it must be of the same question as the model that is served. */
  async function goalFor(by: Principal, champion: ModelVersion, ref: string | null, project?: string): Promise<string> {
    const asked = ref ?? champion.goal
    if (asked === null)
      throw invalidInput(
        `${champion.modelName}:${champion.number} was made without a goal. Name the goal by which challengers are made and judged.`,
        { field: 'goal' },
      )
    const goal = await goals.get(by, asked, project)
    if (goal.task !== champion.task || goal.target !== champion.target)
      throw invalidInput(
        `The goal "${goal.name}" is of "${goal.target}" (${goal.task}), and ${champion.modelName}:${champion.number} predicts "${champion.target}" (${champion.task}).`,
        { field: 'goal' },
      )
    return goal.id
  }

  async function refuseBadPolicy(by: Principal, policy: LoopPolicy, { champion, capture, project }: About): Promise<void> {
    if (!['binary', 'multiclass', 'regression'].includes(champion.task))
      throw preconditionFailed(
        `A loop judges by what turned out to be true row by row: it works for models that answer with a class or a number, and this one is of the task ${champion.task}.`,
        { task: champion.task },
      )
    if (!isOfCells(champion.signature) && !(capture.filesMegabytes > 0))
      throw preconditionFailed(
        'A loop learns from the images and sounds that the endpoint was sent, and its captures keep only their hashes. Let it keep files first: the field filesMegabytes of what is captured (atoll capture ENDPOINT --files 2048).',
        { field: 'capture.filesMegabytes' },
      )
    if (policy.triggers.schedule) refuseBadSchedule(policy.triggers.schedule)
    if (policy.judge.belowGoal) {
      const role = await access.roleIn(by, project)
      if (role !== 'admin' && !by.isPlatformAdmin)
        throw preconditionFailed('Only an administrator of the project may let challengers through that miss the goal.', {
          field: 'judge.belowGoal',
        })
    }
    const { fairness } = policy.judge
    if (fairness && champion.task === 'regression')
      throw invalidInput('Groups are compared by rates of classes; a number has none.', { field: 'judge.fairness' })
    if (fairness && !champion.signature.inputs.some(({ name }) => name === fairness.column))
      throw invalidInput(`The model has no input "${fairness.column}", so live rows do not say which group they are of.`, {
        field: 'judge.fairness.column',
        column: fairness.column,
      })
    const weights = policy.rollout.steps.map(({ weight }) => weight)
    if (weights.some((weight, i) => i > 0 && weight <= weights[i - 1]!))
      throw invalidInput('Each step of the rollout gives the challenger more than the one before.', { field: 'rollout.steps' })
  }

  return { goalFor, refuseBadPolicy }
}
