import { join } from 'node:path'
import type { Logger } from 'pino'
import packageInfo from '../package.json' with { type: 'json' }
import { authService } from './domains/auth/service.ts'
import { comparisonJob } from './domains/comparisons/job.ts'
import { comparisonPlans } from './domains/comparisons/plan.ts'
import { comparisonsService } from './domains/comparisons/service.ts'
import { compressionJob } from './domains/compression/job.ts'
import { ladderService } from './domains/compression/ladder/service.ts'
import { compressionService } from './domains/compression/service.ts'
import { costService } from './domains/cost/service.ts'
import { daysInBin } from './domains/datasets/bin.ts'
import { datasetsService } from './domains/datasets/service.ts'
import { abService } from './domains/endpoints/ab/service.ts'
import { endpointsLineage } from './domains/endpoints/endpoints-lineage.ts'
import { pipelinesService } from './domains/endpoints/pipelines/service.ts'
import { endpointsService } from './domains/endpoints/service.ts'
import { evaluationService } from './domains/evaluation/service.ts'
import { runsLineage } from './domains/experiments/runs-lineage.ts'
import { experimentsService } from './domains/experiments/service.ts'
import { gradientsService } from './domains/explanations/gradients.ts'
import { heldOutRows } from './domains/explanations/held-out.ts'
import { nearestRows } from './domains/explanations/nearest.ts'
import { explanationsService } from './domains/explanations/service.ts'
import { policiesService } from './domains/fairness/policies.ts'
import { fairnessService } from './domains/fairness/service.ts'
import { goalsLineage } from './domains/goals/goals-lineage.ts'
import { goalsService } from './domains/goals/service.ts'
import { externalsService } from './domains/imports/external/service.ts'
import { importsService } from './domains/imports/service.ts'
import { jobFamilies } from './domains/jobs/job-families.ts'
import { jobsService } from './domains/jobs/service.ts'
import { gatherJob } from './domains/loops/gather/job.ts'
import { judgeJob } from './domains/loops/judge/job.ts'
import { loopsService } from './domains/loops/service.ts'
import { watchJob } from './domains/loops/watch/job.ts'
import { monitorsLineage } from './domains/monitoring/monitors-lineage.ts'
import { monitorJob } from './domains/monitoring/run-job.ts'
import { monitoringService } from './domains/monitoring/service.ts'
import { readCatalogue } from './domains/recipes/catalogue.ts'
import { recipesService } from './domains/recipes/service.ts'
import { trySteps } from './domains/recipes/try-steps.ts'
import { registerWeightsService } from './domains/registry/register-weights.ts'
import { registryLineage } from './domains/registry/registry-lineage.ts'
import { registryService } from './domains/registry/service.ts'
import { versionFiles } from './domains/registry/version-files.ts'
import { scriptJob } from './domains/scripts/job.ts'
import { scriptsService } from './domains/scripts/service.ts'
import { servingExportService } from './domains/serving-export/service.ts'
import { readAlgorithms } from './domains/training/algorithms.ts'
import { imagePreviews } from './domains/training/image-previews.ts'
import { trainingJob } from './domains/training/job.ts'
import { trainingPlans } from './domains/training/plan.ts'
import { replayService } from './domains/training/replay.ts'
import { trainingService } from './domains/training/service.ts'
import { invocationsService } from './domains/transforms/invocations/service.ts'
import { transformsService } from './domains/transforms/service.ts'
import { tuningService } from './domains/tuning/service.ts'
import { weightsService } from './domains/weights/service.ts'
import type { Config } from './kernel/config.ts'
import { createEvents } from './kernel/events.ts'
import { minutes, toIso } from './kernel/time.ts'
import { allMigrations } from './platform/migrations.ts'
import { allRoutes } from './platform/routes.ts'
import type { BlobStore } from './ports/blobs/blob-store.ts'
import { collectUnused } from './ports/blobs/collect-unused.ts'
import { openFilesystemBlobs } from './ports/blobs/filesystem.ts'
import { pythonRuntimes } from './ports/engines/python.ts'
import { openLocalExecutor } from './ports/executors/local.ts'
import { openExternal } from './ports/external/open.ts'
import { localFiles } from './ports/files/local.ts'
import { localIncoming } from './ports/incoming/local.ts'
import { openInference } from './ports/inference/open.ts'
import { openLanguage } from './ports/language/open.ts'
import { localAppendLogs } from './ports/logs/local.ts'
import { openSmtp } from './ports/mail/smtp.ts'
import { openMedia } from './ports/media/open.ts'
import type { Metadata } from './ports/metadata/metadata.ts'
import { openSqlite } from './ports/metadata/sqlite.ts'
import { openOutbound } from './ports/outbound/fetch-out.ts'
import { fileKeys, givenKeys } from './ports/secrets/keys.ts'
import { plainSecretFiles } from './ports/secrets/plain-files.ts'
import { sealedSecrets } from './ports/secrets/sealed.ts'
import { openDuckDb } from './ports/tables/duckdb.ts'
import { currentTraceparent } from './ports/traces/context.ts'
import { openTraces } from './ports/traces/open.ts'

export type Platform = Awaited<ReturnType<typeof openPlatform>>

export const version: string = packageInfo.version

/** The engines and the locks of their environments. */
const pythonSources = join(import.meta.dirname, '..', 'python')

/** The map of the system: opens the ports, then builds each domain, lowest first. */
export async function openPlatform(config: Config, { logger }: { logger: Logger }) {
  const startedAt = toIso(Date.now())
  const files = localFiles()
  await files.makeFolder(config.dataDir)
  const [metadata, executor] = await Promise.all([openMetadata(config, logger), openLocalExecutor({ python: config.python })])
  const blobs = await openBlobs(config, { readOnlyInputs: executor.sandbox === 'full' })
  const runtimes = pythonRuntimes({ dir: config.runtimesDir, python: config.python, sources: pythonSources })
  const tables = openDuckDb()
  const media = openMedia()
  const inference = openInference({ executor, runtimes, enginesFolder: pythonSources })
  const mail = openSmtp()
  const language = openLanguage({ executor })
  const onError = (error: unknown, doing: string) => logger.error({ err: error }, doing)
  const captureLogs = localAppendLogs(join(config.dataDir, 'captures'), (error) => onError(error, 'keeping captured requests'))
  const incoming = await localIncoming({ root: join(config.dataDir, 'incoming') })
  const events = createEvents((error) => logger.error({ err: error }, 'a listener failed'))

  const secrets = sealedSecrets({
    metadata,
    keys: config.secretKeys ? givenKeys(config.secretKeys) : fileKeys(config.secretKeyFile),
  })

  // Domains, lowest first. Each sees only those above this line.
  const auth = authService({ metadata, events, secrets, mail })
  // A port, but what it may reach is a setting.
  const outbound = openOutbound({
    allowedHosts: async () => (await auth.settings.get()).outboundHosts,
    operatorHosts: config.traces ? [new URL(config.traces.url).host] : [],
    traceparent: currentTraceparent,
  })
  const traces = openTraces({
    settings: config.traces,
    version,
    fetchOut: outbound.fetchOut,
    onLost: (why) => logger.warn({ why }, 'traces are lost'),
  })
  const jobs = jobsService({
    metadata,
    events,
    auth,
    executor,
    runtimes,
    files,
    folder: join(config.dataDir, 'jobs'),
    warmIdleMs: config.warmSeconds * 1000,
    onError,
  })
  const cost = costService({ jobs })
  const { access, search, settings } = auth
  const datasets = datasetsService({
    metadata,
    access,
    settings,
    search,
    events,
    jobs: jobs.queue,
    cost,
    tables,
    blobs,
    files,
    incoming,
    media,
    folder: join(config.dataDir, 'scratch'),
    thumbnails: join(config.dataDir, 'thumbnails'),
  })
  const goals = goalsService({ metadata, access, search, datasets })
  const catalogue = await readCatalogue({ files, enginesFolder: pythonSources })
  const recipes = recipesService({ metadata, access, search, datasets, catalogue })
  const tried = trySteps({ metadata, access, files, tables, datasets, jobs, goals, recipes })
  const weights = weightsService({
    metadata,
    access,
    search,
    jobs: jobs.queue,
    uploads: datasets.uploads,
    blobs,
    files,
    media,
    outbound,
  })
  const experiments = experimentsService({ metadata, access, search, blobs })
  const tuning = tuningService({ metadata, access })
  const registry = registryService({ metadata, access, search, events, blobs, files, goals })
  const brought = registerWeightsService({ metadata, access, events, blobs, files, weights, registry })
  datasets.lineage.contribute(goalsLineage({ metadata, access }))
  datasets.lineage.contribute(runsLineage({ metadata, access }))
  datasets.lineage.contribute(registryLineage({ metadata, access }))
  const evaluation = evaluationService({ registry, blobs, files, tables, folder: join(config.dataDir, 'scratch') })
  const fairness = fairnessService({
    metadata,
    access,
    datasets,
    goals,
    registry,
    tables,
    blobs,
    files,
    inference,
    folder: join(config.dataDir, 'scratch'),
    modelFolder: join(config.dataDir, 'explaining'),
  })
  const biasPolicies = policiesService({ metadata, access, goals, datasets, fairness })
  registry.objectTo(biasPolicies.objection)
  const explanations = explanationsService({ files, inference, registry, folder: join(config.dataDir, 'explaining') })
  const gradients = gradientsService({ metadata, files, jobs, registry })
  const heldOut = heldOutRows({ blobs, files, tables, datasets, registry, folder: join(config.dataDir, 'scratch') })
  const algorithms = await readAlgorithms({ files, enginesFolder: pythonSources })
  jobs.queue.register(
    trainingJob({ files, blobs, tables, inference, language, events, jobs, datasets, goals, experiments, tuning, registry }),
  )
  const plan = trainingPlans({ access, datasets, goals, recipes, weights, experiments, tuning, registry, algorithms })
  const packageFiles = versionFiles({ blobs, datasets, registry, fairness: fairness.card })
  const nearest = nearestRows({
    files,
    tables,
    datasets,
    registry,
    versionFiles: packageFiles,
    inference,
    blobs,
    experiments,
    folder: join(config.dataDir, 'scratch'),
  })
  const replays = replayService({
    metadata,
    access,
    files,
    blobs,
    tables,
    jobs,
    cost,
    datasets,
    registry,
    versionFiles: packageFiles,
  })
  const training = trainingService({ metadata, jobs, cost, experiments, tuning, plan, algorithms, version })
  const previewImages = imagePreviews({ metadata, access, files, datasets, jobs })
  jobs.queue.register(comparisonJob({ files, jobs, datasets, evaluation }))
  const comparisons = comparisonsService({
    metadata,
    jobs,
    cost,
    plan: comparisonPlans({ access, datasets, registry, versionFiles: packageFiles, plan, algorithms }),
  })
  jobs.queue.register(
    compressionJob({ files, blobs, tables, inference, language, events, jobs, datasets, goals, experiments, tuning, registry }),
  )
  const compression = compressionService({
    versionFiles: packageFiles,
    metadata,
    access,
    jobs,
    cost,
    datasets,
    experiments,
    tuning,
    registry,
    algorithms,
    version,
  })
  const ladders = ladderService({ metadata, access, files, tables, inference, jobs, datasets, registry, evaluation })
  jobs.queue.register(scriptJob({ files, tables, blobs, jobs, datasets, experiments }))
  const scripts = scriptsService({ metadata, access, blobs, jobs, datasets, experiments, training, version })
  const imports = importsService({
    metadata,
    access,
    jobs: jobs.queue,
    events,
    files,
    media,
    tables,
    blobs,
    inference,
    language,
    uploads: datasets.uploads,
    registry,
    folder: join(config.dataDir, 'scratch'),
  })
  const externals = externalsService({
    metadata,
    access,
    events,
    blobs,
    files,
    outbound,
    external: openExternal(outbound),
    secrets,
    registry,
  })
  const endpoints = endpointsService({
    metadata,
    events,
    access,
    search,
    settings,
    files,
    blobs,
    logs: captureLogs,
    tables,
    uploads: datasets.uploads,
    pseudonymKey: datasets.pseudonymKey,
    inference,
    language,
    externals,
    registry,
    explanations,
    nearest,
    gradients,
    folder: join(config.dataDir, 'serving'),
    principalOf: auth.users.principal,
    onError,
  })

  const servingExport = servingExportService({
    files,
    blobs,
    endpoints,
    registry,
    datasets,
    sources: import.meta.dirname,
    root: join(import.meta.dirname, '..'),
  })

  for (const noun of ['datasets', 'goals', 'models', 'endpoints'] as const)
    auth.projects.count(noun, (by, project) => access.countIn(by, noun, project))
  auth.bin.hold('datasets', { noun: 'dataset', permission: 'datasets:delete', days: daysInBin })
  auth.bin.hold('goals', { noun: 'goal', permission: 'goals:write' })
  auth.bin.hold('recipes', { noun: 'recipe', permission: 'recipes:write' })
  auth.bin.hold('weights', { noun: 'weights', permission: 'weights:write' })
  auth.bin.hold('experiments', experiments.binnedExperiment)
  auth.bin.hold('runs', experiments.binnedRun)
  auth.bin.hold('models', { noun: 'model', permission: 'models:write' })
  auth.bin.hold('endpoints', { noun: 'endpoint', permission: 'endpoints:write' })
  const pipelines = pipelinesService({
    metadata,
    access,
    events,
    blobs,
    files,
    registry,
    open: endpoints.open,
    servedBy: endpoints.pipelineOf,
  })
  const transforms = transformsService({
    metadata,
    access,
    search,
    files,
    tables,
    media,
    blobs,
    inference,
    jobs,
    cost,
    datasets,
    registry,
    endpoints,
    folder: join(config.dataDir, 'scratch'),
  })
  auth.bin.hold('transforms', transforms.binned)
  const invocations = invocationsService({
    metadata,
    access,
    blobs,
    outbound,
    secrets,
    endpoints,
    principalOf: auth.users.principal,
    onError,
  })
  jobs.queue.register(
    monitorJob({
      metadata,
      events,
      files,
      blobs,
      tables,
      inference,
      outbound,
      mail,
      settings,
      secrets,
      datasets,
      registry,
      endpoints,
      explanations,
      policies: biasPolicies,
    }),
  )
  const monitoring = monitoringService({
    metadata,
    events,
    access,
    search,
    jobs: jobs.queue,
    outbound,
    mail,
    settings,
    secrets,
    principalOf: auth.users.principal,
    datasets,
    endpoints,
    onError,
  })
  auth.bin.hold('monitors', monitoring.binned)
  const ab = abService({ endpoints, tables, files, folder: join(config.dataDir, 'scratch') })
  jobs.queue.register(gatherJob({ files, blobs, tables, jobs: jobs.queue, datasets, goals, registry, endpoints }))
  jobs.queue.register(judgeJob({ files, tables, inference, datasets, goals, registry }))
  jobs.queue.register(watchJob({ files, blobs, tables, inference, registry, endpoints }))
  const loops = loopsService({
    metadata,
    events,
    access,
    search,
    jobs,
    principalOf: auth.users.principal,
    datasets,
    goals,
    registry,
    training,
    endpoints,
    onError,
  })
  auth.bin.hold('loops', loops.binned)
  datasets.lineage.contribute(endpointsLineage({ metadata, access }))
  datasets.lineage.contribute(monitorsLineage({ metadata, access }))

  await metadata.migrate(allMigrations)

  // What an earlier version kept as it was is encrypted, and what is left of it in the file is written over.
  const plain = plainSecretFiles(join(config.dataDir, 'secrets'))
  const sealed = [
    await settings.sealPlain(),
    await monitoring.sealPlain(),
    await invocations.sealPlain(),
    await externals.sealPlain(plain),
  ]
  if (sealed.some((count) => count > 0))
    await metadata.forgetDeleted().catch((error) => onError(error, 'writing over deleted rows'))
  const { unreadable, keysFrom } = await secrets.state()
  if (unreadable > 0) logger.warn({ unreadable, keysFrom }, 'secrets were encrypted with a key that is not here')

  let tidying: NodeJS.Timeout | undefined
  const inUse = [datasets, weights, experiments, registry, endpoints, transforms, invocations, monitoring].map(
    ({ blobsInUse }) => blobsInUse,
  )
  const tidy = () =>
    datasets
      .tidy()
      .then(() => jobs.tidy())
      .then(() => collectUnused({ blobs, inUse }))
      .catch((error) => onError(error, 'tidying'))

  const status = () => ({
    version,
    database: metadata.kind,
    roles: config.roles,
    sandbox: { level: executor.sandbox, reason: executor.sandboxReason },
    startedAt,
  })
  const routes = allRoutes({
    version,
    status: { metadata, status },
    auth,
    jobs,
    datasets,
    goals,
    recipes: { recipes, trySteps: tried },
    weights: { weights },
    experiments,
    tuning,
    registry: { registry, files: packageFiles, brought },
    evaluation,
    fairness: { fairness, policies: biasPolicies },
    explanations: { explanations, gradients, heldOut, nearest },
    endpoints,
    pipelines,
    transforms,
    invocations,
    servingExport,
    ab,
    metrics: [endpoints.families, jobFamilies({ metadata, events })],
    monitoring,
    loops,
    training: { training, replays, previewImages },
    comparisons,
    compression: { compression, ladders },
    scripts,
    imports,
    externals,
  })

  return {
    config,
    logger,
    metadata,
    blobs,
    blobsInUse: inUse,
    secrets,
    files,
    executor,
    outbound,
    traces,
    runtimes,
    events,
    tables,
    inference,
    language,
    domains: {
      auth,
      jobs,
      cost,
      datasets,
      goals,
      recipes,
      weights,
      experiments,
      tuning,
      registry,
      evaluation,
      fairness,
      explanations,
      training,
      comparisons,
      compression,
      ladders,
      scripts,
      endpoints,
      pipelines,
      transforms,
      invocations,
      monitoring,
      loops,
    },
    routes,
    /** Begins to do what was queued: for processes with the role `worker`. */
    async startWorkers(): Promise<void> {
      await jobs.startWorker({ slots: config.jobSlots }).ready
      monitoring.scheduler.start()
      tidying = setInterval(tidy, minutes(30))
      tidying.unref()
      void tidy()
    },
    /** Loads what the endpoints should answer with: for processes with the role `web`, which already listen meanwhile. */
    async startServing(): Promise<void> {
      await endpoints.start().catch((error) => onError(error, 'starting the endpoints'))
      invocations.start({ leaves: !config.roles.includes('worker') })
      // Versions are exchanged in the process that serves them, so runs of loops are driven there; what takes long are jobs.
      loops.scheduler.start()
    },
    /** Answers what may be answered later, and loads what it needs for that: for processes with the role `worker` alone. */
    async startAnswering(): Promise<void> {
      await endpoints.start({ onDemand: true }).catch((error) => onError(error, 'looking at the endpoints'))
      invocations.start()
    },
    /** Running jobs write a checkpoint and go back into the queue. */
    async close(): Promise<void> {
      clearInterval(tidying)
      await loops.scheduler.close()
      await monitoring.scheduler.close()
      await jobs.stopWorker()
      await invocations.close()
      await endpoints.close()
      await explanations.close()
      await inference.close()
      await language.close()
      await tables.close()
      await media.close()
      await traces.close()
      await executor.close()
      await metadata.close()
    },
  }
}

/** The metadata database: PostgreSQL where one is named, else a file in the data folder. */
export async function openMetadata(config: Pick<Config, 'databaseUrl' | 'dataDir'>, logger: Logger): Promise<Metadata> {
  if (!config.databaseUrl) return openSqlite({ file: join(config.dataDir, 'atoll.db') })
  // Loaded only where it is used: a start takes no longer for what it does not need.
  const { openPostgres } = await import('./ports/metadata/postgres.ts')
  return openPostgres({
    url: config.databaseUrl,
    onConnectionError: (error) => logger.warn({ err: error }, 'a database connection was lost'),
  })
}

export const openBlobs = (
  config: Pick<Config, 'dataDir'>,
  { readOnlyInputs = false }: { readOnlyInputs?: boolean } = {},
): Promise<BlobStore> => openFilesystemBlobs({ root: join(config.dataDir, 'blobs'), hardLinks: readOnlyInputs })
