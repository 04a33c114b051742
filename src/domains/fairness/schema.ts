import * as z from 'zod'
import { Iso, Ref } from '../auth/schema.ts'
import { dataMeasures, modelMeasures } from './measures.ts'

export const mostGroups = 50

/** How people are put into groups by one column. */
export const Facet = z
  .object({
    column: z.string().min(1).max(200),
    name: z.string().trim().min(1).max(80).optional().describe('how the report calls it; the column when absent'),
    groups: z
      .array(z.object({ name: z.string().trim().min(1).max(80), values: z.array(z.string().max(200)).min(1).max(200) }))
      .min(1)
      .max(mostGroups)
      .optional()
      .describe('values put together, such as {"name": "male", "values": ["male single", "male mar/wid"]}'),
    threshold: z.number().optional().describe('two groups of a column of numbers: below it, and from it on'),
    edges: z
      .array(z.number())
      .min(1)
      .max(20)
      .optional()
      .describe('bins of a column of numbers: below the first, from each to the next, from the last on'),
    reference: z
      .string()
      .max(200)
      .optional()
      .describe('the group that the others are compared with; absent: the largest; "*": each group with all the others'),
  })
  .refine(({ groups, threshold, edges }) => [groups, threshold, edges].filter((one) => one !== undefined).length <= 1, {
    message: 'a facet has "groups", or a "threshold", or "edges"',
  })
export type Facet = z.output<typeof Facet>

/** What a report calls a good outcome for the person. */
export const Favourable = z
  .union([
    z.object({ values: z.array(z.string().max(200)).min(1).max(50) }),
    z.object({ atLeast: z.number() }),
    z.object({ atMost: z.number() }),
  ])
  .describe('{"values": ["good"]}, or for numbers {"atLeast": 50000} or {"atMost": 3}')
export type Favourable = z.output<typeof Favourable>

const asked = {
  facets: z.array(Facet).min(1).max(6),
  intersections: z
    .array(z.array(z.string().max(200)).min(2).max(3))
    .max(10)
    .default([])
    .describe('facets (by name) to cross, such as [["sex", "age"]]'),
  favourable: Favourable.nullable().default(null).describe('absent: the positive class of the model or of the label'),
  stratum: z.string().max(200).nullable().default(null).describe('the column within whose values demographic disparity is taken'),
  minimumRows: z.number().int().min(2).max(100_000).default(30).describe('on fewer rows a comparison says that they are too few'),
}
export const DataBiasInput = z.object({
  ...asked,
  dataset: Ref,
  version: z.string().max(200).optional(),
  label: z.string().max(200).optional().describe('the column of outcomes; absent: the target of the data set'),
})
export type DataBiasInput = z.output<typeof DataBiasInput>
export const ModelBiasInput = z.object({
  ...asked,
  model: Ref.describe('name:version or id'),
  flips: z.boolean().default(true).describe('also ask the served model about each row with another group'),
  keep: z.boolean().default(false).describe('keep the report with the version, on its card'),
})
export type ModelBiasInput = z.output<typeof ModelBiasInput>

export const verdicts = ['too_few', 'within', 'within_unsure', 'outside_unsure', 'outside'] as const

const Interval = z.object({ low: z.number().nullable(), high: z.number().nullable() })
export const MeasureValue = Interval.extend({
  measure: z.enum([...dataMeasures, ...modelMeasures]),
  symbol: z.string(),
  title: z.string(),
  value: z.number().nullable().describe('null where it divides by zero'),
  method: z.string().nullable().describe('of the interval'),
  pValue: z.number().nullable().describe('that the two rates behind it are equal; null where it is not tested'),
  pHolm: z.number().nullable().describe('the same, honest over all tests of the report'),
  wanted: Interval.nullable(),
  rests: z.tuple([z.number(), z.number()]).describe('rows it rests on: of those compared with, of the group'),
  verdict: z.enum(verdicts).nullable().describe('null where nothing is commonly held to be fair'),
})
export type MeasureValue = z.output<typeof MeasureValue>

export const Rate = Interval.extend({ value: z.number().nullable(), hits: z.number(), of: z.number() })
export const rateNames = ['favourable', 'predicted', 'accuracy', 'recall', 'specificity', 'acceptance', 'rejection'] as const

export const Group = z.object({
  name: z.string(),
  rows: z.number(),
  share: z.number(),
  kind: z.enum(['named', 'other', 'missing']),
  rates: z.object({
    favourable: Rate.nullable().describe('how many have the favourable label'),
    predicted: Rate.nullable().describe('how many are predicted it; this and the next are null before training'),
    accuracy: Rate.nullable(),
    recall: Rate.nullable(),
    specificity: Rate.nullable(),
    acceptance: Rate.nullable().describe('of those predicted favourably, how many were so'),
    rejection: Rate.nullable().describe('of those predicted unfavourably, how many were so'),
  }),
  entropy: z.number().nullable().describe('generalised entropy within the group'),
  where: z.string().nullable().describe('a filter of the data set that shows its rows'),
})
export type Group = z.output<typeof Group>

/** The served model asked again with only this group changed. */
export const Counterfactual = z.object({
  from: z.string(),
  to: z.string(),
  value: z.string().nullable().describe('what was put into the column'),
  rows: z.number(),
  toFavourable: z.number(),
  toUnfavourable: z.number(),
  share: Rate,
})
export type Counterfactual = z.output<typeof Counterfactual>

export const Comparison = z.object({
  group: z.string(),
  against: z.string(),
  measures: z.array(MeasureValue),
  sentences: z.array(z.string()),
})
export type Comparison = z.output<typeof Comparison>

export const FacetReport = z.object({
  name: z.string(),
  columns: z.array(z.string()),
  reference: z.string().nullable().describe('null: each group is compared with all the others'),
  groups: z.array(Group),
  comparisons: z.array(Comparison),
  equalisedOdds: MeasureValue.nullable().describe('over all groups with enough rows'),
  entropy: z.object({ whole: z.number().nullable(), between: z.number().nullable() }).nullable(),
  counterfactuals: z.object({ asked: z.number(), sentence: z.string(), changes: z.array(Counterfactual) }).nullable(),
})
export type FacetReport = z.output<typeof FacetReport>

export const BiasReport = z.object({
  id: z.string().nullable().describe('null unless it was kept'),
  stage: z.enum(['data', 'model']),
  dataset: z.string(),
  datasetVersion: z.string(),
  modelVersion: z.string().nullable(),
  label: z.string(),
  favourable: z.string().describe('in words'),
  stratum: z.string().nullable(),
  minimumRows: z.number(),
  rows: z.number(),
  leftOut: z.number().describe('rows without a label'),
  facets: z.array(FacetReport),
  tests: z.object({ made: z.number(), significant: z.number(), sentence: z.string() }),
  sentence: z.string(),
  at: Iso,
})
export type BiasReport = z.output<typeof BiasReport>

/** One bound on one measure. */
export const Rule = z
  .object({
    measure: z.enum(modelMeasures).exclude(['flip_test', 'conditional_disparity_predicted']),
    atLeast: z.number().nullable().default(null),
    atMost: z.number().nullable().default(null).describe('of a difference without "atLeast": its size, in either direction'),
  })
  .refine(({ atLeast, atMost }) => atLeast !== null || atMost !== null, { message: 'a rule has "atLeast" or "atMost"' })
  .refine(({ atLeast, atMost }) => atLeast === null || atMost === null || atLeast <= atMost, {
    message: '"atLeast" is above "atMost"',
  })
export type Rule = z.output<typeof Rule>

/** What a project demands of its models, looked at whenever one is promoted or deployed. */
export const PolicyInput = z.object({
  name: z.string().trim().min(1).max(120),
  project: Ref.optional(),
  goal: Ref.nullable().default(null).describe('the models that it binds: those judged by this goal'),
  dataset: Ref.nullable().default(null).describe('or those trained on this data set'),
  facets: z.array(Facet).min(1).max(6),
  intersections: asked.intersections,
  favourable: asked.favourable,
  minimumRows: asked.minimumRows,
  rules: z.array(Rule).min(1).max(20),
})
export type PolicyInput = z.output<typeof PolicyInput>

export const Policy = PolicyInput.omit({ project: true }).extend({
  id: z.string(),
  project: z.string(),
  createdBy: z.string(),
  createdAt: Iso,
  sentence: z.string(),
})
export type Policy = z.output<typeof Policy>

/** How a version stands with one policy. */
export const PolicyOutcome = z.object({
  policy: z.string(),
  name: z.string(),
  met: z.boolean().describe('every comparison with enough rows is within its bounds, and there is one'),
  checks: z.array(
    z.object({
      facet: z.string(),
      group: z.string(),
      against: z.string(),
      measure: z.string(),
      value: z.number().nullable(),
      low: z.number().nullable(),
      high: z.number().nullable(),
      wanted: Interval,
      met: z.boolean().nullable().describe('null: too few rows to say'),
      sentence: z.string(),
    }),
  ),
  sentences: z.array(z.string()).describe('what stands against the version'),
})
export type PolicyOutcome = z.output<typeof PolicyOutcome>

export const KeptReports = z.object({ items: z.array(BiasReport) })
export const Policies = z.object({ items: z.array(Policy) })
export const PolicyOutcomes = z.object({ items: z.array(PolicyOutcome) })
