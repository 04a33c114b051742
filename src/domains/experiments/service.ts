import type { Readable } from 'node:stream'
import type * as z from 'zod'
import { conflict, invalidInput, notFound, preconditionFailed } from '../../kernel/errors.ts'
import { type Page, type PageQuery, toPage } from '../../kernel/paging.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { StreamReply } from '../../kernel/route.ts'
import { type BlobStore, hashesIn } from '../../ports/blobs/blob-store.ts'
import type { Db, Metadata } from '../../ports/metadata/metadata.ts'
import { type Access, nameTakenIsConflict } from '../auth/access.ts'
import { audit } from '../auth/audit.ts'
import type { Binned } from '../auth/bin.ts'
import type { Search } from '../auth/search.ts'
import { compareRuns } from './compare-runs.ts'
import { appendPoints, type Point, pointsOf } from './metric-store.ts'
import { keepTrainings, trainingsOf } from './rules-store.ts'
import { parseRunFilter, readField } from './run-filter.ts'
import { fieldSql, runFilterSql } from './run-filter-sql.ts'
import {
  ArtifactPath,
  type Comparison,
  type Experiment,
  type ExperimentInput,
  type MetricSeries,
  type Run,
  type RunInput,
  type RunPatch,
  type RunRules,
  type WatchedTraining,
} from './schema.ts'
import { downSample } from './series.ts'
import { experimentById, listExperiments, runsById, searchRuns, setParameters, toExperiment, withValues } from './store.ts'
import { experimentTables, type RunRow, type RunState } from './tables.ts'
import { asRunRules } from './watched-trainings.ts'

const mostArtifacts = 1000

export interface ExperimentsNeeds {
  metadata: Metadata
  access: Access
  blobs: BlobStore
  search: Search
}

export type ExperimentsService = ReturnType<typeof experimentsService>
type ExperimentOut = z.infer<typeof Experiment>

/** What a training job notes of itself beside its metrics. */
export interface RunFacts {
  inputs?: Run['inputs']
  artifacts?: Run['artifacts']
  code?: Record<string, unknown>
  environment?: Record<string, unknown>
}

/** Experiments: runs with parameters, metrics by step, artifacts, code and environment. */
export function experimentsService({ metadata, access, blobs, search }: ExperimentsNeeds) {
  const { db } = metadata
  search.registerTable('experiments', { noun: 'experiment', permission: 'experiments:read' })
  search.registerTable('runs', { noun: 'run', permission: 'experiments:read' })
  const findExperiment = (by: Principal, ref: string, project?: string) => access.resolve('experiments', by, ref, project)
  const findRun = (by: Principal, ref: string, project?: string) => access.resolve<RunRow>('runs', by, ref, project)

  async function createExperiment(by: Principal, input: z.output<typeof ExperimentInput>): Promise<ExperimentOut> {
    const project = await access.projectFor(by, input.project, 'experiments:write')
    const row = await access.newResource('exp', by, project, input)
    const insert = metadata.transaction(async (tx) => {
      await experimentTables(tx).insertInto('experiments').values(row).execute()
      await audit(tx, by, 'experiments.create', { target: row.id, project: project.id, facts: { name: row.name } })
    })
    await nameTakenIsConflict('experiment', input.name, insert)
    return toExperiment(await experimentById(db, row.id))
  }

  async function listAll(by: Principal, query: PageQuery & { project?: string }): Promise<Page<ExperimentOut>> {
    const project = query.project === undefined ? undefined : (await access.projectFor(by, query.project)).id
    const page = toPage(
      await listExperiments(db, access.visibleTo(by, 'experiments'), { ...query, project }),
      query.limit,
      (row) => [row.created_at, row.id],
    )
    return { ...page, items: page.items.map(toExperiment) }
  }

  async function getExperiment(by: Principal, ref: string, project?: string): Promise<ExperimentOut> {
    return toExperiment(await experimentById(db, (await findExperiment(by, ref, project)).id))
  }

  async function patchExperiment(by: Principal, ref: string, changes: Parameters<Access['patchResource']>[0], project?: string) {
    const row = await findExperiment(by, ref, project)
    await access.authorize(by, 'experiments:write', row)
    const next = await access.patchResource(changes)
    const update = metadata.transaction(async (tx) => {
      await experimentTables(tx).updateTable('experiments').set(next).where('id', '=', row.id).execute()
      await audit(tx, by, 'experiments.change', { target: row.id, project: row.project_id, facts: { ...changes } })
    })
    await nameTakenIsConflict('experiment', changes.name ?? row.name, update)
    return toExperiment(await experimentById(db, row.id))
  }

  async function removeExperiment(by: Principal, ref: string, project?: string): Promise<void> {
    const row = await findExperiment(by, ref, project)
    await access.authorize(by, 'experiments:write', row)
    const running = await experimentTables(db)
      .selectFrom('runs')
      .select('name')
      .where('experiment_id', '=', row.id)
      .where('state', '=', 'running')
      .where('job_id', 'is not', null)
      .executeTakeFirst()
    if (running)
      throw conflict(`The run "${running.name}" of this experiment is still going on. Cancel its job first.`, {
        run: running.name,
      })
    await metadata.transaction(async (tx) => {
      const at = Date.now()
      await experimentTables(tx).updateTable('experiments').set({ deleted_at: at }).where('id', '=', row.id).execute()
      await experimentTables(tx)
        .updateTable('runs')
        .set({ deleted_at: at })
        .where('experiment_id', '=', row.id)
        .where('deleted_at', 'is', null)
        .execute()
      await audit(tx, by, 'experiments.delete', { target: row.id, project: row.project_id, facts: { name: row.name } })
    })
  }

  /** Refuses an experiment's name that is taken by one to which the principal may not add runs. */
  async function refuseOtherExperiment(by: Principal, projectId: string, name: string): Promise<void> {
    const row = await experimentTables(db)
      .selectFrom('experiments')
      .selectAll()
      .where('project_id', '=', projectId)
      .where('name', '=', name)
      .where('deleted_at', 'is', null)
      .executeTakeFirst()
    if (!row) return
    await access.authorize(by, 'experiments:write', row).catch(() => {
      throw conflict(`There is an experiment called "${name}" in this project to which you may not add. Choose another name.`, {
        field: 'experiment',
        name,
      })
    })
  }

  /** The experiment of that name in a project, made when it is not there; for jobs that leave runs. */
  async function ensureExperiment(tx: Db, by: Principal, project: { id: string }, name: string): Promise<string> {
    const existing = await experimentTables(tx)
      .selectFrom('experiments')
      .select('id')
      .where('project_id', '=', project.id)
      .where('name', '=', name)
      .where('deleted_at', 'is', null)
      .executeTakeFirst()
    if (existing) return existing.id
    const row = await access.newResource('exp', by, project, { name })
    await experimentTables(tx).insertInto('experiments').values(row).execute()
    return row.id
  }

  /** A new run in the caller's transaction: of a job, or logged by a person's own script. */
  async function openRun(
    tx: Db,
    by: Principal,
    run: {
      name: string
      experiment: string
      projectId: string
      job?: string | null
      parameters?: Record<string, unknown>
      visibility?: RunRow['visibility']
      description?: string
      tags?: string[]
    } & RunFacts,
  ): Promise<string> {
    const resource = await access.newResource('run', by, { id: run.projectId }, run)
    const row: RunRow = {
      ...resource,
      experiment_id: run.experiment,
      state: 'running',
      message: null,
      job_id: run.job ?? null,
      inputs: JSON.stringify(run.inputs ?? []),
      artifacts: JSON.stringify(run.artifacts ?? []),
      code: JSON.stringify(run.code ?? {}),
      environment: JSON.stringify(run.environment ?? {}),
      points: 0,
      started_at: resource.created_at,
      ended_at: null,
    }
    await experimentTables(tx).insertInto('runs').values(row).execute()
    await setParameters(tx, row.id, run.parameters ?? {})
    return row.id
  }

  /** Notes how a run ended, in the caller's transaction. A run that has ended stays as it ended. */
  async function closeRun(
    tx: Db,
    runId: string,
    end: { state: Exclude<RunState, 'running'>; message?: string | null } & RunFacts,
  ): Promise<void> {
    await experimentTables(tx)
      .updateTable('runs')
      .set({
        state: end.state,
        message: end.message ?? null,
        ...(end.inputs && { inputs: JSON.stringify(end.inputs) }),
        ...(end.artifacts && { artifacts: JSON.stringify(end.artifacts) }),
        ...(end.code && { code: JSON.stringify(end.code) }),
        ...(end.environment && { environment: JSON.stringify(end.environment) }),
        ended_at: Date.now(),
        updated_at: Date.now(),
      })
      .where('id', '=', runId)
      .where('state', '=', 'running')
      .execute()
  }

  /** Says which job a run is of, in the transaction that queues it. */
  const attachJob = (tx: Db, runId: string, jobId: string) =>
    experimentTables(tx).updateTable('runs').set({ job_id: jobId }).where('id', '=', runId).execute()

  /** A run whose job is tried again goes on. */
  const reopenRun = (tx: Db, runId: string) =>
    experimentTables(tx)
      .updateTable('runs')
      .set({ state: 'running', message: null, ended_at: null })
      .where('id', '=', runId)
      .execute()

  /** The runs that went with an experiment come back with it. */
  const binnedExperiment: Binned = {
    noun: 'experiment',
    permission: 'experiments:write',
    restored: async (tx, row) => {
      await experimentTables(tx)
        .updateTable('runs')
        .set({ deleted_at: null })
        .where('experiment_id', '=', row.id)
        .where('deleted_at', '=', row.deleted_at)
        .execute()
    },
  }

  const binnedRun: Binned = {
    noun: 'run',
    permission: 'experiments:write',
    restored: async (tx, row) => {
      const lost = await experimentTables(tx)
        .selectFrom('experiments')
        .innerJoin('runs', 'runs.experiment_id', 'experiments.id')
        .select(['experiments.id', 'experiments.name'])
        .where('runs.id', '=', row.id)
        .where('experiments.deleted_at', 'is not', null)
        .executeTakeFirst()
      if (lost)
        throw conflict(
          `The run "${row.name}" is of the experiment "${lost.name}", which is in the bin too. Restore that first.`,
          {
            run: row.id,
            experiment: lost.id,
          },
        )
    },
  }

  async function createRun(by: Principal, input: z.output<typeof RunInput>): Promise<Run> {
    const experiment = await findExperiment(by, input.experiment, input.project)
    await access.authorize(by, 'experiments:write', experiment)
    const name = input.name ?? `run ${new Date().toISOString().slice(0, 19).replace('T', ' ').replaceAll(':', '.')}`
    const id = await metadata.transaction(async (tx) => {
      const created = await openRun(tx, by, { ...input, name, experiment: experiment.id, projectId: experiment.project_id })
      await audit(tx, by, 'runs.create', { target: created, project: experiment.project_id, facts: { name } })
      return created
    })
    return runOf(id)
  }

  const runOf = async (id: string): Promise<Run> => {
    const [run] = await withValues(db, await runsById(db, [id]))
    if (!run) throw notFound('run', id)
    return run
  }

  async function listRuns(
    by: Principal,
    query: PageQuery & { project?: string; experiment?: string; filter?: string; order?: string },
  ): Promise<Page<Run>> {
    const experiment = query.experiment ? await findExperiment(by, query.experiment, query.project) : undefined
    const project = query.project ? (await access.projectFor(by, query.project)).id : undefined
    const rows = await searchRuns(db, access.visibleTo(by, 'runs'), {
      cursor: query.cursor,
      limit: query.limit,
      project,
      experiment: experiment?.id,
      filter: query.filter?.trim() ? runFilterSql(parseRunFilter(query.filter)) : undefined,
      order: query.order?.trim() ? readOrder(query.order) : undefined,
    })
    const page = toPage(rows, query.limit, (row) => [row.key === null ? 1 : 0, row.key ?? 0, row.id])
    return { ...page, items: await withValues(db, page.items) }
  }

  async function patchRun(by: Principal, ref: string, changes: z.output<typeof RunPatch>, project?: string): Promise<Run> {
    const row = await findRun(by, ref, project)
    await access.authorize(by, 'experiments:write', row)
    if (row.job_id && (changes.state || changes.parameters))
      throw preconditionFailed(
        `The run "${row.name}" belongs to a job, which alone sets its state and parameters. Its name, description and tags may change.`,
        {
          run: row.id,
          job: row.job_id,
        },
      )
    const { state, parameters, ...rest } = changes
    await metadata.transaction(async (tx) => {
      await experimentTables(tx)
        .updateTable('runs')
        .set({
          ...(await access.patchResource(rest)),
          ...(state && { state, ended_at: state === 'running' ? null : Date.now() }),
        })
        .where('id', '=', row.id)
        .execute()
      if (parameters) await setParameters(tx, row.id, parameters)
      await audit(tx, by, 'runs.change', { target: row.id, project: row.project_id, facts: { ...changes } })
    })
    return runOf(row.id)
  }

  async function removeRun(by: Principal, ref: string, project?: string): Promise<void> {
    const row = await findRun(by, ref, project)
    await access.authorize(by, 'experiments:write', row)
    if (row.state === 'running' && row.job_id)
      throw conflict(`The run "${row.name}" is still going on. Cancel its job first.`, { run: row.id, job: row.job_id })
    await metadata.transaction(async (tx) => {
      await experimentTables(tx).updateTable('runs').set({ deleted_at: Date.now() }).where('id', '=', row.id).execute()
      await audit(tx, by, 'runs.delete', { target: row.id, project: row.project_id, facts: { name: row.name } })
    })
  }

  async function logMetrics(by: Principal, ref: string, points: readonly Point[], project?: string): Promise<void> {
    const row = await findRun(by, ref, project)
    await access.authorize(by, 'experiments:write', row)
    if (row.job_id)
      throw preconditionFailed(`The metrics of the run "${row.name}" come from its job alone.`, { run: row.id, job: row.job_id })
    await recordMetrics(row.id, points)
  }

  const recordMetrics = (runId: string, points: readonly Point[]): Promise<void> =>
    metadata.transaction((tx) => appendPoints(tx, runId, points))

  const recordParameters = (runId: string, parameters: Record<string, unknown>): Promise<void> =>
    metadata.transaction((tx) => setParameters(tx, runId, parameters))

  async function metricSeries(
    by: Principal,
    ref: string,
    name: string,
    { most = 500, project }: { most?: number; project?: string } = {},
  ): Promise<z.infer<typeof MetricSeries>> {
    const row = await findRun(by, ref, project)
    const points = await pointsOf(db, row.id, name)
    if (points.length === 0) throw notFound(`metric of the run "${row.name}"`, name)
    return downSample(name, points, most)
  }

  const rules = async (by: Principal, ref: string, project?: string): Promise<z.infer<typeof RunRules>> =>
    asRunRules(await keptRules((await findRun(by, ref, project)).id))

  const keptRules = (runId: string): Promise<WatchedTraining[]> => trainingsOf(db, runId)
  const keepRules = (runId: string, trainings: readonly WatchedTraining[]): Promise<void> =>
    metadata.transaction((tx) => keepTrainings(tx, runId, trainings))

  /** Keeps a file with a run of a person's own script; the same path again replaces it. */
  async function addArtifact(by: Principal, ref: string, path: string, content: Readable, project?: string): Promise<Run> {
    const row = await findRun(by, ref, project)
    await access.authorize(by, 'experiments:write', row)
    if (row.job_id)
      throw preconditionFailed(`The artifacts of the run "${row.name}" come from its job alone.`, {
        run: row.id,
        job: row.job_id,
      })
    if (!ArtifactPath.safeParse(path).success)
      throw invalidInput(`"${path.slice(0, 200)}" is no path inside a run. Write for example plots/roc.png.`, { field: 'path' })
    const stored = { path, ...(await blobs.put(content)), kind: 'file' }
    // Two files that arrive at once must both be there: what another has changed meanwhile is read again.
    for (let isIn = false; !isIn; )
      isIn = await metadata.transaction(async (tx) => {
        const { artifacts } = await experimentTables(tx)
          .selectFrom('runs')
          .select('artifacts')
          .where('id', '=', row.id)
          .executeTakeFirstOrThrow()
        const others = (JSON.parse(artifacts) as Run['artifacts']).filter((one) => one.path !== path)
        if (others.length >= mostArtifacts)
          throw preconditionFailed(`The run "${row.name}" has ${mostArtifacts} artifacts; put further files into one archive.`, {
            run: row.id,
          })
        const changed = await experimentTables(tx)
          .updateTable('runs')
          .set({ artifacts: JSON.stringify([...others, stored]), updated_at: Date.now() })
          .where('id', '=', row.id)
          .where('artifacts', '=', artifacts)
          .executeTakeFirst()
        if (changed.numUpdatedRows === 0n) return false
        const facts = { path, sha256: stored.sha256, sizeBytes: stored.sizeBytes }
        await audit(tx, by, 'runs.add-artifact', { target: row.id, project: row.project_id, facts })
        return true
      })
    return runOf(row.id)
  }

  /** The artifacts of every run. */
  async function* blobsInUse(): AsyncGenerator<string> {
    for (const { artifacts } of await experimentTables(db)
      .selectFrom('runs')
      .select('artifacts')
      .where('artifacts', '!=', '[]')
      .execute())
      yield* hashesIn(artifacts)
  }

  async function artifact(by: Principal, ref: string, path: string, project?: string): Promise<StreamReply> {
    const row = await findRun(by, ref, project)
    const found = (JSON.parse(row.artifacts) as Run['artifacts']).find((one) => one.path === path)
    if (!found) throw notFound(`artifact of the run "${row.name}"`, path)
    return {
      contentType: 'application/octet-stream',
      body: await blobs.get(found.sha256),
      sizeBytes: found.sizeBytes,
      filename: path.slice(path.lastIndexOf('/') + 1),
    }
  }

  async function compare(by: Principal, refs: readonly string[], project?: string): Promise<z.infer<typeof Comparison>> {
    const found = await Promise.all(refs.map((ref) => findRun(by, ref, project)))
    const runs = await withValues(
      db,
      await runsById(
        db,
        found.map((row) => row.id),
      ),
    )
    return compareRuns(found.map((row) => runs.find((run) => run.id === row.id)!))
  }

  return {
    createExperiment,
    listExperiments: listAll,
    getExperiment,
    patchExperiment,
    removeExperiment,
    ensureExperiment,
    refuseOtherExperiment,
    openRun,
    closeRun,
    attachJob,
    reopenRun,
    appendPoints,
    createRun,
    getRun: async (by: Principal, ref: string, project?: string) => runOf((await findRun(by, ref, project)).id),
    listRuns,
    patchRun,
    removeRun,
    logMetrics,
    recordMetrics,
    recordParameters,
    setParameters,
    metricSeries,
    rules,
    keepRules,
    keptRules,
    artifact,
    addArtifact,
    binnedExperiment,
    binnedRun,
    blobsInUse,
    compare,
  }
}

function readOrder(text: string): { by: ReturnType<typeof fieldSql>; direction: 'asc' | 'desc' } {
  const [, name, direction] = /^(.+?)(?:\s+(asc|desc))?$/i.exec(text.trim()) ?? []
  const field = name && readField(name)
  if (!field)
    throw invalidInput(
      `Runs cannot be ordered by "${text}". Write for example: metrics.f1 desc, params.depth asc, started_at desc.`,
      {
        field: 'order',
      },
    )
  return { by: fieldSql(field), direction: direction?.toLowerCase() === 'asc' ? 'asc' : 'desc' }
}
