/** Every shape on the wire, inferred from the schemas of the platform (types only: nothing of the server is bundled). */
import type * as z from 'zod'
import type * as auth from '../../src/domains/auth/schema.ts'
import type { Status } from '../../src/domains/auth/status-routes.ts'
import type * as comparisons from '../../src/domains/comparisons/schema.ts'
import type * as compression from '../../src/domains/compression/schema.ts'
import type * as datasets from '../../src/domains/datasets/schema.ts'
import type * as ab from '../../src/domains/endpoints/ab/schema.ts'
import type * as endpointContract from '../../src/domains/endpoints/contract/schema.ts'
import type * as log from '../../src/domains/endpoints/log/schema.ts'
import type * as pipelines from '../../src/domains/endpoints/pipelines/schema.ts'
import type * as scaling from '../../src/domains/endpoints/scaling/schema.ts'
import type * as endpoints from '../../src/domains/endpoints/schema.ts'
import type * as traffic from '../../src/domains/endpoints/traffic/schema.ts'
import type * as truth from '../../src/domains/endpoints/truth/schema.ts'
import type * as writing from '../../src/domains/endpoints/writing-schema.ts'
import type * as evaluation from '../../src/domains/evaluation/schema.ts'
import type * as uncertainty from '../../src/domains/evaluation/uncertainty/schema.ts'
import type * as experiments from '../../src/domains/experiments/schema.ts'
import type * as explanations from '../../src/domains/explanations/schema.ts'
import type * as fairness from '../../src/domains/fairness/schema.ts'
import type * as goals from '../../src/domains/goals/schema.ts'
import type * as externals from '../../src/domains/imports/external/schema.ts'
import type * as imports from '../../src/domains/imports/schema.ts'
import type * as jobs from '../../src/domains/jobs/schema.ts'
import type * as loopGather from '../../src/domains/loops/gather/evidence.ts'
import type * as loopJudge from '../../src/domains/loops/judge/evidence.ts'
import type * as loops from '../../src/domains/loops/schema.ts'
import type * as loopWatch from '../../src/domains/loops/watch/evidence.ts'
import type * as monitoring from '../../src/domains/monitoring/schema.ts'
import type * as recipes from '../../src/domains/recipes/schema.ts'
import type * as registry from '../../src/domains/registry/schema.ts'
import type * as scripts from '../../src/domains/scripts/schema.ts'
import type * as training from '../../src/domains/training/schema.ts'
import type * as invocations from '../../src/domains/transforms/invocations/schema.ts'
import type * as transforms from '../../src/domains/transforms/schema.ts'
import type * as tuning from '../../src/domains/tuning/schema.ts'
import type * as weights from '../../src/domains/weights/schema.ts'

export interface Page<T> {
  items: T[]
  nextCursor: string | null
}
export interface PageQuery {
  cursor?: string
  limit?: number
}
export interface ListQuery extends PageQuery {
  project?: string
}

export type Visibility = auth.Visibility
export type ResourcePatch = z.input<typeof auth.ResourcePatch>
export type User = z.output<typeof auth.User>
export type UserInput = z.input<typeof auth.UserInput>
export type UserPatch = z.input<typeof auth.UserPatch>
export type Session = z.output<typeof auth.Session>
export type Team = z.output<typeof auth.Team>
export type Token = z.output<typeof auth.Token>
export type SignInLink = z.output<typeof auth.SignInLink>
export type NewToken = z.output<typeof auth.NewToken>
export type TokenInput = z.input<typeof auth.TokenInput>
export type Project = z.output<typeof auth.Project>
export type ProjectInput = z.input<typeof auth.ProjectInput>
export type Member = z.output<typeof auth.Member>
export type AuditEntry = z.output<typeof auth.AuditEntry>
export type Settings = z.output<typeof auth.Settings>
export type MailSettingsInput = z.input<typeof auth.MailSettingsInput>
export type TestMail = auth.TestMail

export type Job = z.output<typeof jobs.Job>
export type JobListQuery = z.input<typeof jobs.JobListQuery>
export type JobEvent = z.output<typeof jobs.JobEvent>
export type JobLog = z.output<typeof jobs.JobLog>
export type JobLogQuery = z.input<typeof jobs.JobLogQuery>
export type RuntimeInfo = z.output<typeof jobs.RuntimeInfo>
export type RuntimeList = z.output<typeof jobs.RuntimeList>
export type Estimate = z.output<typeof jobs.Estimate>

export type Column = z.output<typeof datasets.Column>
export type ReadOptions = z.output<typeof datasets.ReadOptions>
export type Detection = z.output<typeof datasets.Detection>
export type Upload = z.output<typeof datasets.Upload>
export type Source = z.output<typeof datasets.Source>
export type Dataset = z.output<typeof datasets.Dataset>
export type DatasetInput = z.input<typeof datasets.DatasetInput>
export type DatasetPatch = ResourcePatch & { target?: string | null }
export type DatasetCreated = z.output<typeof datasets.DatasetCreated>
export type DatasetVersion = z.output<typeof datasets.DatasetVersion>
export type VersionInput = z.input<typeof datasets.VersionInput>
export type Profile = z.output<typeof datasets.Profile>
export type ColumnProfile = z.output<typeof datasets.ColumnProfile>
export type Split = z.output<typeof datasets.Split>
export type SplitInput = z.input<typeof datasets.SplitInput>
export type RowsQuery = z.input<typeof datasets.RowsQuery>
export type Rows = z.output<typeof datasets.Rows>
export type ExportQuery = z.input<typeof datasets.ExportQuery>
export type ItemsQuery = z.input<typeof datasets.ItemsQuery>
export type ItemsPage = z.output<typeof datasets.ItemsPage>
export type DictionaryPatch = z.input<typeof datasets.DictionaryPatch>
export type Transform = z.input<typeof datasets.Transform>
export type Lineage = z.output<typeof datasets.Lineage>

export type Goal = z.output<typeof goals.Goal>
export type GoalInput = z.input<typeof goals.GoalInput>
export type GoalPatch = z.input<typeof goals.GoalPatch>
export type GoalOutcome = z.output<typeof goals.GoalOutcome>
export type GoalProgress = z.output<typeof registry.GoalProgress>

export type RecipePatch = z.input<typeof recipes.RecipePatch>
export type RecipeRevision = z.output<typeof recipes.RecipeRevision>
export type RecipeStep = z.output<typeof recipes.RecipeStep>
export type Recipe = z.output<typeof recipes.Recipe>
export type RecipeInput = z.input<typeof recipes.RecipeInput>
export type PipelineSpec = z.input<typeof pipelines.PipelineSpec>
export type PipelineInput = z.input<typeof pipelines.PipelineInput>
export type PipelineChecked = z.output<typeof pipelines.PipelineChecked>
export type PipelineOfEndpoint = z.output<typeof pipelines.PipelineOfEndpoint>
export type Invocation = z.output<typeof invocations.Invocation>
export type InvocationQueue = z.output<typeof invocations.Queue>
export type InvocationQueueInput = z.input<typeof invocations.QueueInput>
export type BatchTransform = z.output<typeof transforms.Transform>
export type BatchTransformInput = z.input<typeof transforms.TransformInput>
export type BatchTransformResult = z.output<typeof transforms.TransformResult>
export type BatchTransformPreview = z.output<typeof transforms.TransformPreview>
export type InspectInput = z.input<typeof imports.InspectInput>
export type Inspection = z.output<typeof imports.Inspection>
export type ImportInput = z.input<typeof imports.ImportInput>
export type ImportCreated = z.output<typeof imports.ImportCreated>
export type ExternalInput = z.input<typeof externals.ExternalInput>

export type Weights = z.output<typeof weights.Weights>
export type WeightsInput = z.input<typeof weights.WeightsInput>
export type WeightsCreated = z.output<typeof weights.WeightsCreated>
export type StepInfo = z.output<typeof recipes.StepInfo>
export type RecipePreviewInput = z.input<typeof recipes.PreviewInput>
export type RecipePreview = z.output<typeof recipes.Preview>
export type SuggestInput = z.input<typeof recipes.SuggestInput>
export type Suggestion = z.output<typeof recipes.Suggestion>

export type Experiment = z.output<typeof experiments.Experiment>
export type ExperimentInput = z.input<typeof experiments.ExperimentInput>
export type Run = z.output<typeof experiments.Run>
export type RunInput = z.input<typeof experiments.RunInput>
export type RunPatch = z.input<typeof experiments.RunPatch>
export type RunQuery = z.input<typeof experiments.RunQuery> & ListQuery
export type MetricPoint = z.input<typeof experiments.MetricPoint>
export type MetricSeries = z.output<typeof experiments.MetricSeries>
export type RunRules = z.output<typeof experiments.RunRules>
export type WatchedTraining = z.output<typeof experiments.WatchedTraining>
export type Comparison = z.output<typeof experiments.Comparison>

export type TrainingInput = z.input<typeof training.TrainingInput>
export type ScriptInput = z.input<typeof scripts.ScriptInput>
export type ScriptCreated = z.output<typeof scripts.ScriptCreated>
export type TrainingCreated = z.output<typeof training.TrainingCreated>
export type ImagePreviewInput = z.input<typeof training.ImagePreviewInput>
export type ImagePreview = z.output<typeof training.ImagePreview>
export type TrainingResult = z.output<typeof training.TrainingResult>
export type ReplayResult = z.output<typeof training.ReplayResult>
export type AlgorithmInfo = z.output<typeof training.AlgorithmInfo>
export type Search = z.output<typeof tuning.Search>
export type Trial = z.output<typeof tuning.Trial>

export type Signature = z.output<typeof registry.Signature>
export type Model = z.output<typeof registry.Model>
export type ModelVersion = z.output<typeof registry.ModelVersion>
export type VersionDetails = z.output<typeof registry.VersionDetails>
export type Promotion = z.input<typeof registry.Promotion>
export type CellRows = z.output<typeof registry.CellRows>
export type Parity = z.output<typeof registry.Parity>
export type VersionComparison = z.output<typeof evaluation.VersionComparison>
export type CompareInput = z.input<typeof evaluation.CompareInput>

export type CompressionInput = z.input<typeof compression.CompressionInput>
export type CompressionCreated = z.output<typeof compression.CompressionCreated>
export type LadderInput = z.input<typeof compression.LadderInput>
export type LadderQuery = z.input<typeof compression.LadderQuery>
export type Ladder = z.output<typeof compression.Ladder>
export type Rung = z.output<typeof compression.Rung>
export type BiasFacet = z.input<typeof fairness.Facet>
export type DataBiasInput = z.input<typeof fairness.DataBiasInput>
export type ModelBiasInput = z.input<typeof fairness.ModelBiasInput>
export type BiasReport = z.output<typeof fairness.BiasReport>
export type BiasFacetReport = z.output<typeof fairness.FacetReport>
export type BiasComparison = z.output<typeof fairness.Comparison>
export type BiasMeasure = z.output<typeof fairness.MeasureValue>
export type BiasPolicyInput = z.input<typeof fairness.PolicyInput>
export type BiasPolicy = z.output<typeof fairness.Policy>
export type BiasPolicyOutcome = z.output<typeof fairness.PolicyOutcome>
export type BiasGroup = z.output<typeof fairness.Group>

export type Endpoint = z.output<typeof endpoints.Endpoint>
export type EndpointHealth = z.output<typeof endpointContract.Health>
export type EndpointMetadata = z.output<typeof endpointContract.EndpointMetadata>
export type EndpointInput = z.input<typeof endpoints.EndpointInput>
export type EndpointPatch = z.input<typeof endpoints.EndpointPatch>
export type EndpointMetrics = z.output<typeof endpoints.EndpointMetrics>
export type ScalingPolicy = z.input<typeof scaling.ScalingPolicy>
export type ScalingFigures = z.output<typeof scaling.ScalingFigures>
export type EndpointUsage = z.output<typeof scaling.UsageOut>
export type HostedModels = z.output<typeof scaling.HostedModels>
export type HostedModelsInput = z.input<typeof scaling.ModelsInput>
export type Variant = z.output<typeof traffic.Variant>
export type Traffic = z.output<typeof traffic.Traffic>
export type TrafficInput = z.input<typeof traffic.TrafficInput>
export type Rollout = z.output<typeof traffic.Rollout>
export type RolloutInput = z.input<typeof traffic.RolloutInput>
export type ShadowSummary = z.output<typeof traffic.ShadowSummary>
export type ExplainOptions = z.input<typeof explanations.ExplainOptions>
export type Explanation = z.output<typeof explanations.Explanation>
export type ExplainOutput = z.output<typeof explanations.ExplainOutput>
export type EndpointExplanations = z.output<typeof endpoints.EndpointExplanations>
export type HeldOut = z.output<typeof explanations.HeldOut>
export type HeldOutQuery = z.input<typeof explanations.HeldOutQuery>
export type Uncertainty = z.output<typeof uncertainty.Uncertainty>
export type UncertaintyWish = z.input<typeof uncertainty.UncertaintyWish>
export type Dependence = z.output<typeof explanations.Dependence>
export type DependenceInput = z.input<typeof explanations.DependenceInput>
export type Nearest = z.output<typeof explanations.Nearest>
export type GradientsInput = z.input<typeof explanations.GradientsInput>
export type Gradients = z.output<typeof explanations.Gradients>
export type GradientExplanation = z.output<typeof explanations.GradientExplanation>
export type GlobalShap = z.output<typeof explanations.GlobalShap>
export type PredictOutput = z.output<typeof endpoints.PredictOutput>
export type Prediction = z.output<typeof endpoints.Prediction>
export type GenerateInput = z.input<typeof writing.GenerateInput>
export type GenerateSettings = z.input<typeof writing.GenerateSettings>
export type Written = z.output<typeof writing.Written> & { id: string }
export type Capture = z.output<typeof endpoints.Capture>
export type LogQuery = z.input<typeof log.LogQuery>
export type LogExportQuery = z.input<typeof log.LogExportQuery>
export type LogEntry = z.output<typeof log.LogEntry>
export type LogPage = z.output<typeof log.LogPage>
export type TruthItem = z.input<typeof truth.TruthItem>
export type TruthStored = z.output<typeof truth.TruthStored>
export type TruthSummary = z.output<typeof truth.TruthSummary>

export type Monitor = z.output<typeof monitoring.Monitor>
export type MonitorInput = z.input<typeof monitoring.MonitorInput>
export type MonitorPatch = z.input<typeof monitoring.MonitorPatch>
export type MonitorRunInput = z.input<typeof monitoring.MonitorRunInput>
export type DriftReport = z.output<typeof monitoring.DriftReport>
export type ColumnDrift = z.output<typeof monitoring.ColumnDrift>
export type CheckReport = z.output<typeof monitoring.CheckReport>
export type CheckInput = NonNullable<MonitorInput['checks']>[number]
export type CheckKind = CheckReport['kind']
export type Alert = z.output<typeof monitoring.Alert>
export type AlertPatch = z.input<typeof monitoring.AlertPatch>
export type AlertDetails = z.output<typeof monitoring.AlertDetails>

export type PlatformStatus = Status
export type SearchHit = z.output<typeof auth.SearchHit>
export type BinItem = z.output<typeof auth.BinItem>

export type ComparisonInput = z.input<typeof comparisons.ComparisonInput>
export type ComparisonCreated = z.output<typeof comparisons.ComparisonCreated>
export type ComparisonResult = z.output<typeof comparisons.ComparisonResult>
export type PairVerdict = z.output<typeof comparisons.PairVerdict>

export type Loop = z.output<typeof loops.Loop>
export type LoopInput = z.input<typeof loops.LoopInput>
export type LoopPatch = z.input<typeof loops.LoopPatch>
export type LoopPolicy = z.output<typeof loops.LoopPolicy>
export type LoopRun = z.output<typeof loops.LoopRun>
export type LoopStep = z.output<typeof loops.LoopStep>
export type LoopRules = z.output<typeof loops.LoopRules>
export type GatherEvidence = z.output<typeof loopGather.GatherEvidence>
export type JudgeEvidence = z.output<typeof loopJudge.JudgeEvidence>
export type WatchEvidence = z.output<typeof loopWatch.WatchEvidence>
export type AbQuery = z.input<typeof ab.AbQuery>
export type AbTest = z.output<typeof ab.AbTest>
