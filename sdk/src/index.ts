import type { ClientOptions } from './http.ts'
import { createHttp } from './http.ts'
import { bias } from './nouns/bias.ts'
import { datasets, lineage, splits, uploads } from './nouns/datasets.ts'
import { alerts, endpoints, monitors } from './nouns/endpoints.ts'
import { imports } from './nouns/imports.ts'
import { invocations } from './nouns/invocations.ts'
import { jobs } from './nouns/jobs.ts'
import { log } from './nouns/log.ts'
import { ab, loops } from './nouns/loops.ts'
import { comparisons, experiments, goals, models, recipes, runs, scripts, training } from './nouns/models.ts'
import { audit, bin, platform, projects, runtimes, session, settings, teams, tokens, users } from './nouns/people.ts'
import { pipelines } from './nouns/pipelines.ts'
import { transforms } from './nouns/transforms.ts'
import { truth } from './nouns/truth.ts'
import { weights } from './nouns/weights.ts'

export type { CallOptions, ClientOptions, CreateOptions, ProjectOptions } from './http.ts'
export { AtollError } from './http.ts'
export { type PackedFile, packFiles, type Sendable } from './pack.ts'
export type * from './types.ts'

/**
 * A client of one Atoll server: a noun each, a verb a call.
 *
 *     const atoll = createAtoll({ url: 'http://127.0.0.1:7070', token })
 *     const { predictions } = await atoll.endpoints.predict('churn', [{ state: 'OH', total_day_minutes: 265.1 }])
 */
export function createAtoll(options: ClientOptions) {
  const http = createHttp(options)
  return {
    http,
    platform: platform(http),
    session: session(http),
    users: users(http),
    teams: teams(http),
    tokens: tokens(http),
    projects: projects(http),
    settings: settings(http),
    audit: audit(http),
    bin: bin(http),
    jobs: jobs(http),
    runtimes: runtimes(http),
    uploads: uploads(http),
    datasets: datasets(http),
    splits: splits(http),
    lineage: lineage(http),
    goals: goals(http),
    recipes: recipes(http),
    weights: weights(http),
    imports: imports(http),
    experiments: experiments(http),
    runs: runs(http),
    training: training(http),
    comparisons: comparisons(http),
    scripts: scripts(http),
    models: models(http),
    bias: bias(http),
    endpoints: endpoints(http),
    truth: truth(http),
    log: log(http),
    pipelines: pipelines(http),
    transforms: transforms(http),
    invocations: invocations(http),
    monitors: monitors(http),
    alerts: alerts(http),
    loops: loops(http),
    ab: ab(http),
  }
}

export type Atoll = ReturnType<typeof createAtoll>
