import * as z from 'zod'
import { Iso, Ref, Resource, ResourceInput, ResourcePatch } from '../auth/schema.ts'
import { Metric } from '../goals/schema.ts'

export const Triggers = z.object({
  drift: z.boolean().default(true).describe('a monitor of the endpoint finds that inputs or predictions moved'),
  decay: z.boolean().default(true).describe('a monitor finds that the model got worse, or estimates so'),
  newRows: z.number().int().min(1).nullable().default(null).describe('so many rows got their truth since the last run looked'),
  reviewedLabels: z.boolean().default(false).describe('people made a new version of the data set of the goal'),
  schedule: z.string().max(120).nullable().default(null).describe('cron, UTC'),
})

export const Window = z.object({
  days: z.number().min(0.001).max(3650).default(30),
  rows: z.number().int().min(20).max(5_000_000).nullable().default(null).describe('of these only the newest so many'),
  original: z.boolean().default(true).describe('the rows that the champion learnt from join'),
  sealedShare: z.number().min(0.1).max(0.7).default(0.3).describe('the newest of them, on which both are judged'),
  minimumRows: z.number().int().min(20).default(200).describe('with fewer labelled rows nothing is trained'),
})

export const LoopTraining = z.object({
  algorithms: z
    .array(z.string().max(60))
    .min(1)
    .max(20)
    .nullable()
    .default(null)
    .describe('as the champion was made unless told'),
  recipe: z.union([z.literal('champion'), z.literal('auto'), Ref]).default('champion'),
  budgetSeconds: z.number().min(1).max(604_800).nullable().default(null),
  trials: z.number().int().min(1).max(5000).nullable().default(null),
  seed: z.number().int().min(0).max(2_000_000_000).default(7),
})

export const rules = ['better', 'not_worse_and_fairer', 'not_worse_and_smaller', 'not_worse_and_cheaper'] as const
export const JudgeRules = z.object({
  rule: z
    .enum(rules)
    .default('better')
    .describe('what lets a challenger through; one that is significantly better passes by any of them'),
  metric: Metric.nullable().default(null).describe('that of the goal unless told'),
  alpha: z.number().min(0.001).max(0.3).default(0.05),
  margin: z
    .number()
    .min(0)
    .default(0.01)
    .describe('not worse: the interval of the difference ends above this loss of the metric'),
  minimumRows: z.number().int().min(20).default(100).describe('sealed rows, at least'),
  belowGoal: z
    .boolean()
    .default(false)
    .describe('a challenger that misses the goal may replace a champion that it beats; takes an administrator of the project'),
  fairness: z
    .object({ column: z.string().min(1).max(200), rate: z.enum(['favourable', 'recall', 'accuracy']).default('favourable') })
    .nullable()
    .default(null)
    .describe('fairer: the largest gap of this rate between groups of this column is smaller'),
})
const fairnessIsNamed = [
  ({ rule, fairness }: { rule: string; fairness: unknown }) => rule !== 'not_worse_and_fairer' || fairness !== null,
  { error: 'Say by which column groups are compared.', path: ['fairness'] },
] as [(judge: { rule: string; fairness: unknown }) => boolean, { error: string; path: string[] }]
const Judging = JudgeRules.refine(...fairnessIsNamed)

export const ShadowTime = z.object({
  minutes: z.number().min(0).max(43_200).default(60).describe('0: no shadow'),
  minimumRequests: z.number().int().min(0).default(100),
  giveUpMinutes: z.number().min(0.01).max(86_400).default(10_080).describe('with too few requests until then the champion stays'),
  maxErrorRate: z.number().min(0).max(1).default(0.01),
})
export const RolloutPlan = z.object({
  steps: z
    .array(z.object({ weight: z.number().gt(0).max(100), minutes: z.number().min(0).max(43_200) }))
    .min(1)
    .max(20)
    .default([
      { weight: 10, minutes: 15 },
      { weight: 50, minutes: 15 },
    ]),
  guard: z
    .object({
      maxErrorRate: z.number().min(0).max(1).default(0.02),
      maxLatencyFactor: z.number().min(1).max(100).default(3),
      minimumRequests: z.number().int().min(1).default(20),
    })
    .prefault({}),
})
export const WatchTime = z.object({
  minutes: z.number().min(0).max(129_600).default(1440).describe('0: no watch'),
  alpha: z
    .number()
    .min(0.0001)
    .max(0.3)
    .default(0.05)
    .describe('a new version that is no worse is rolled back with at most this probability, however often it is looked at'),
  maxErrorRate: z.number().min(0).max(1).default(0.05).describe('of the requests since the swap'),
})

const policy = {
  triggers: Triggers.prefault({}),
  window: Window.prefault({}),
  training: LoopTraining.prefault({}),
  judge: Judging.prefault({}),
  shadow: ShadowTime.prefault({}),
  rollout: RolloutPlan.prefault({}),
  watch: WatchTime.prefault({}),
  approval: z.boolean().default(false).describe('a person approves before the challenger meets traffic'),
  cooldownMinutes: z.number().min(0).max(525_600).default(360).describe('nothing but a person starts another run sooner'),
}
export const LoopPolicy = z.object(policy)
export type LoopPolicy = z.output<typeof LoopPolicy>

export const LoopInput = ResourceInput.partial({ name: true }).extend({
  endpoint: Ref,
  goal: Ref.nullable().default(null).describe('that of the version which is served, unless told'),
  enabled: z.boolean().default(true).describe('off: only people start it'),
  ...policy,
})
export type LoopInput = z.infer<typeof LoopInput>

export const LoopPatch = ResourcePatch.extend({
  goal: Ref,
  enabled: z.boolean(),
  triggers: Triggers,
  window: Window,
  training: LoopTraining,
  judge: Judging,
  shadow: ShadowTime,
  rollout: RolloutPlan,
  watch: WatchTime,
  approval: z.boolean(),
  cooldownMinutes: policy.cooldownMinutes.unwrap(),
}).partial()

export const steps = ['gather', 'train', 'judge', 'approve', 'shadow', 'rollout', 'watch', 'restore'] as const
export type Step = (typeof steps)[number]
export const outcomes = ['done', 'kept_champion', 'rolled_back', 'rejected', 'cancelled', 'failed'] as const
export type Outcome = (typeof outcomes)[number]
export const triggerKinds = ['hand', 'drift', 'decay', 'new_rows', 'reviewed_labels', 'schedule'] as const

const VersionName = z.object({ version: z.string(), name: z.string().describe('model:number') })

export const LoopStep = z.object({
  step: z.enum(steps),
  state: z.enum(['running', 'waiting', 'done', 'skipped', 'failed']),
  sentence: z.string(),
  startedAt: Iso,
  endedAt: Iso.nullable(),
  evidence: z.record(z.string(), z.unknown()).describe('by the step; lists leave it out'),
})

export const LoopRun = z.object({
  id: z.string(),
  loop: z.string(),
  loopName: z.string(),
  number: z.number(),
  project: z.string(),
  endpoint: z.string(),
  endpointName: z.string(),
  goal: z.string(),
  trigger: z.object({ kind: z.enum(triggerKinds), sentence: z.string(), facts: z.record(z.string(), z.unknown()) }),
  state: z.enum(['running', 'waiting', 'ended']).describe('waiting: for a person'),
  step: z.enum(steps),
  outcome: z.enum(outcomes).nullable(),
  sentence: z.string().describe('where it stands, or how it ended and why'),
  champion: VersionName,
  challenger: VersionName.nullable(),
  policy: LoopPolicy.describe('as it was when the run began'),
  steps: z.array(LoopStep),
  startedAt: Iso,
  endedAt: Iso.nullable(),
})
export type LoopRun = z.infer<typeof LoopRun>

export const Loop = Resource.extend({
  endpoint: z.string(),
  endpointName: z.string(),
  goal: z.string(),
  goalName: z.string(),
  enabled: z.boolean(),
  ...LoopPolicy.shape,
  approvalByProject: z.boolean().describe('the project asks for a person whatever the loop says'),
  nextRunAt: Iso.nullable().describe('by the schedule'),
  lastRun: LoopRun.pick({
    id: true,
    number: true,
    state: true,
    step: true,
    outcome: true,
    sentence: true,
    startedAt: true,
    endedAt: true,
  }).nullable(),
})
export type Loop = z.infer<typeof Loop>

export const RunNow = z.object({ reason: z.string().trim().max(2000).default('') })
export const ApprovalNote = z.object({ note: z.string().trim().max(4000).default('') })
export const Rejection = z.object({ reason: z.string().trim().min(1).max(4000) })
export const LoopRules = z.object({
  approval: z.boolean().describe('every loop of the project waits for a person before its challenger meets traffic'),
})
