import { authRoutes } from '../domains/auth/routes.ts'
import { statusRoutes } from '../domains/auth/status-routes.ts'
import { comparisonsRoutes } from '../domains/comparisons/routes.ts'
import { compressionRoutes } from '../domains/compression/routes.ts'
import { datasetsRoutes } from '../domains/datasets/routes.ts'
import { abRoutes } from '../domains/endpoints/ab/routes.ts'
import { contractRoutes } from '../domains/endpoints/contract/routes.ts'
import { logRoutes } from '../domains/endpoints/log/routes.ts'
import { metricsRoutes } from '../domains/endpoints/metrics/routes.ts'
import { pipelinesRoutes } from '../domains/endpoints/pipelines/routes.ts'
import { endpointsRoutes } from '../domains/endpoints/routes.ts'
import { truthRoutes } from '../domains/endpoints/truth/routes.ts'
import { evaluationRoutes } from '../domains/evaluation/routes.ts'
import { experimentsRoutes } from '../domains/experiments/routes.ts'
import { explanationsRoutes } from '../domains/explanations/routes.ts'
import { fairnessRoutes } from '../domains/fairness/routes.ts'
import { goalsRoutes } from '../domains/goals/routes.ts'
import { externalsRoutes } from '../domains/imports/external/routes.ts'
import { importsRoutes } from '../domains/imports/routes.ts'
import { jobsRoutes } from '../domains/jobs/routes.ts'
import { loopsRoutes } from '../domains/loops/routes.ts'
import { monitoringRoutes } from '../domains/monitoring/routes.ts'
import { recipesRoutes } from '../domains/recipes/routes.ts'
import { registryRoutes } from '../domains/registry/routes.ts'
import { scriptsRoutes } from '../domains/scripts/routes.ts'
import { servingExportRoutes } from '../domains/serving-export/routes.ts'
import { trainingRoutes } from '../domains/training/routes.ts'
import { invocationsRoutes } from '../domains/transforms/invocations/routes.ts'
import { transformsRoutes } from '../domains/transforms/routes.ts'
import { tuningRoutes } from '../domains/tuning/routes.ts'
import { weightsRoutes } from '../domains/weights/routes.ts'
import { inferenceProtocolRoutes } from '../facades/inference-protocol/routes.ts'
import { openAiRoutes } from '../facades/openai/routes.ts'
import type { RouteRecord } from '../kernel/route.ts'

/** What the routes of each domain are made of. */
export interface RouteParts {
  version: string
  status: Parameters<typeof statusRoutes>[0]
  auth: Parameters<typeof authRoutes>[0]
  jobs: Parameters<typeof jobsRoutes>[0]
  datasets: Parameters<typeof datasetsRoutes>[0]
  goals: Parameters<typeof goalsRoutes>[0]
  recipes: Parameters<typeof recipesRoutes>[0]
  weights: Parameters<typeof weightsRoutes>[0]
  experiments: Parameters<typeof experimentsRoutes>[0]
  tuning: Parameters<typeof tuningRoutes>[0]
  registry: Parameters<typeof registryRoutes>[0]
  evaluation: Parameters<typeof evaluationRoutes>[0]
  fairness: Parameters<typeof fairnessRoutes>[0]
  explanations: Parameters<typeof explanationsRoutes>[0]
  endpoints: Parameters<typeof endpointsRoutes>[0]
  pipelines: Parameters<typeof pipelinesRoutes>[0]
  transforms: Parameters<typeof transformsRoutes>[0]
  invocations: Parameters<typeof invocationsRoutes>[0]
  servingExport: Parameters<typeof servingExportRoutes>[0]
  ab: Parameters<typeof abRoutes>[0]
  metrics: Parameters<typeof metricsRoutes>[0]
  monitoring: Parameters<typeof monitoringRoutes>[0]
  loops: Parameters<typeof loopsRoutes>[0]
  training: Parameters<typeof trainingRoutes>[0]
  comparisons: Parameters<typeof comparisonsRoutes>[0]
  compression: Parameters<typeof compressionRoutes>[0]
  scripts: Parameters<typeof scriptsRoutes>[0]
  imports: Parameters<typeof importsRoutes>[0]
  externals: Parameters<typeof externalsRoutes>[0]
}

/** Every route of the server. */
export function allRoutes(parts: RouteParts): RouteRecord[] {
  return [
    ...statusRoutes(parts.status),
    ...authRoutes(parts.auth),
    ...jobsRoutes(parts.jobs),
    ...datasetsRoutes(parts.datasets),
    ...goalsRoutes(parts.goals),
    ...recipesRoutes(parts.recipes),
    ...weightsRoutes(parts.weights),
    ...experimentsRoutes(parts.experiments),
    ...tuningRoutes(parts.tuning),
    ...registryRoutes(parts.registry),
    ...evaluationRoutes(parts.evaluation),
    ...fairnessRoutes(parts.fairness),
    ...explanationsRoutes(parts.explanations),
    ...endpointsRoutes(parts.endpoints),
    ...pipelinesRoutes(parts.pipelines),
    ...transformsRoutes(parts.transforms),
    ...invocationsRoutes(parts.invocations),
    ...contractRoutes(parts.endpoints),
    ...servingExportRoutes(parts.servingExport),
    ...inferenceProtocolRoutes(parts.endpoints, parts.version),
    ...truthRoutes(parts.endpoints.truth),
    ...logRoutes(parts.endpoints.log),
    ...abRoutes(parts.ab),
    ...metricsRoutes(parts.metrics),
    ...monitoringRoutes(parts.monitoring),
    ...loopsRoutes(parts.loops),
    ...trainingRoutes(parts.training),
    ...comparisonsRoutes(parts.comparisons),
    ...compressionRoutes(parts.compression),
    ...scriptsRoutes(parts.scripts),
    ...importsRoutes(parts.imports),
    ...externalsRoutes(parts.externals),
    ...openAiRoutes(parts.endpoints),
  ]
}
