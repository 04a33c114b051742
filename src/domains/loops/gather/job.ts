import { Readable } from 'node:stream'
import { preconditionFailed } from '../../../kernel/errors.ts'
import { toIso } from '../../../kernel/time.ts'
import type { BlobStore } from '../../../ports/blobs/blob-store.ts'
import type { Files } from '../../../ports/files/files.ts'
import type { Db } from '../../../ports/metadata/metadata.ts'
import type { Tables } from '../../../ports/tables/tables.ts'
import { insertMadeVersion, keepTable } from '../../datasets/made-version.ts'
import { gatheredColumn } from '../../datasets/media/column-names.ts'
import { isMediaColumn } from '../../datasets/media/lay-items.ts'
import { manifestName, manifestStream } from '../../datasets/media/manifest.ts'
import type { Column, Dataset, DatasetVersion } from '../../datasets/schema.ts'
import type { DatasetsService } from '../../datasets/service.ts'
import type { CapturedFile } from '../../endpoints/captured-files/captured-files.ts'
import { endingOf } from '../../endpoints/captured-files/content-type.ts'
import type { EndpointsService } from '../../endpoints/service.ts'
import type { GoalsService } from '../../goals/service.ts'
import type { JobContext, JobHandler, JobQueue } from '../../jobs/handler.ts'
import type { RegistryService } from '../../registry/service.ts'
import type { LoopPolicy } from '../schema.ts'
import type { GatherEvidence } from './evidence.ts'
import { writeGathered } from './gathered-table.ts'
import type { MediaFiles } from './media-items.ts'

export interface GatherSpec extends Record<string, unknown> {
  run: string
  number: number
  endpointId: string
  endpointName: string
  champion: string
  goal: string
  /** The split whose training rows the champion learnt from, or that of what people made since. */
  baseSplit: string | null
  fromMs: number
  toMs: number
  /** Predictions up to then were gathered when the champion was made. */
  knownUntilMs: number
  window: LoopPolicy['window']
  minimumSealed: number
}

export interface GatherNeeds {
  files: Files
  blobs: BlobStore
  tables: Tables
  jobs: JobQueue
  datasets: Pick<DatasetsService, 'pin' | 'get' | 'layPart' | 'split'>
  goals: Pick<GoalsService, 'get'>
  registry: Pick<RegistryService, 'versionById'>
  endpoints: Pick<EndpointsService, 'labelledRows' | 'capturedFiles'>
}

/** How versions that loops make say where they are from. */
export const gatheredHow = 'gathered from live traffic: '

interface Outcome {
  evidence: Omit<GatherEvidence, 'version' | 'versionNumber' | 'split'>
  dataset: Dataset
  from: string | null
  table: Awaited<ReturnType<typeof keepTable>> | null
}

/** The job `loop.gather`: labelled live rows and those that the champion learnt from, as a new version of the data set of the goal. */
export function gatherJob(needs: GatherNeeds): JobHandler<GatherSpec, Outcome> {
  const { files, tables, datasets, registry, goals } = needs

  async function run(context: JobContext<GatherSpec>): Promise<Outcome> {
    const { spec, principal, signal } = context
    const champion = await registry.versionById(spec.champion)
    const goal = await goals.get(principal, spec.goal)
    if (goal.target === null)
      throw preconditionFailed(`The goal "${goal.name}" has no target, so nothing tells which of two models is better.`)
    const base = spec.baseSplit === null ? null : await datasets.split(principal, spec.baseSplit)
    const { dataset, version } = await datasets.pin(principal, goal.dataset, base?.version)
    const inputs = new Set(champion.signature.inputs.map(({ name }) => name))
    const columns = version.columns.filter(({ name }) => inputs.has(name) || name === goal.target)
    refuseOtherColumns([...inputs, goal.target], columns, dataset.name)

    context.progress('gather', 0, 2, 'Predictions of the window are joined with what turned out to be true.')
    const place = await files.makeFolder(context.folder, 'labelled')
    const labelled = await needs.endpoints.labelledRows(
      { endpointId: spec.endpointId, fromMs: spec.fromMs, toMs: spec.toMs },
      place,
    )
    const media = await mediaOf(context, version, columns)
    const learnt: string[] = []
    for (const part of ['train', 'validation'] as const) {
      if (!base?.parts.some((one) => one.part === part && one.rows > 0)) continue
      const folder = await files.makeFolder(context.folder, part)
      await datasets.layPart(base.id, part, folder, { items: false })
      learnt.push(files.resolvePath(folder, 'data.parquet'))
    }
    context.progress('write', 1, 2, `${labelled.rows} labelled rows`)
    const path = files.resolvePath(context.folder, 'gathered.parquet')
    const { items, ...gathered } = await writeGathered(
      tables,
      {
        labelled: labelled.file,
        learnt,
        original: spec.window.original,
        columns,
        target: goal.target,
        classes: champion.signature.classes,
        mostRows: spec.window.rows,
        sealedShare: spec.window.sealedShare,
        knownUntilMs: spec.knownUntilMs,
        media,
        folder: context.folder,
        path,
      },
      signal,
    )
    const lacking = lackOf(gathered, spec)
    const evidence = {
      ...gathered,
      enough: lacking === null,
      sentence: lacking ?? sentenceOf(gathered),
      fromMs: spec.fromMs,
      toMs: spec.toMs,
      dataset: dataset.id,
    }
    if (lacking !== null) return { evidence, dataset, from: null, table: null }
    const marked: Column = {
      name: gatheredColumn,
      type: 'category',
      nullable: false,
      personalData: null,
      description:
        'The part that the row is in, and whether it is from the original data or from live traffic. No model learns from it.',
      unit: null,
    }
    const work = { tables, folder: context.folder, signal }
    const rows = gathered.original + gathered.live + gathered.sealed
    const table = await keepTable(needs, work, { path, rows, columns: [...columns, marked] })
    const manifest = media && { ...(await needs.blobs.put(manifestStream(items))), items: items.length }
    return { evidence, dataset, from: version.id, table: { ...table, ...(manifest && { manifest }) } }
  }

  /** The items of the data, and the images and sounds that captures kept, as lists beside the table. */
  async function mediaOf(
    { folder, spec }: JobContext<GatherSpec>,
    { files: own }: DatasetVersion,
    columns: readonly Column[],
  ): Promise<MediaFiles | null> {
    const names = columns.filter(isMediaColumn).map(({ name }) => name)
    if (names.length === 0) return null
    const manifest = own.find(({ path }) => path === manifestName)
    const known = manifest ? files.resolvePath(folder, 'known.jsonl') : null
    if (manifest) await needs.blobs.materialise(manifest.sha256, known!)
    async function* lines() {
      for await (const page of needs.endpoints.capturedFiles(spec.endpointId))
        yield page.map((file) => `${JSON.stringify({ path: liveName(file), ...file })}\n`).join('')
    }
    await files.writeStream(folder, 'live.jsonl', Readable.from(lines()))
    return { columns: names, known, live: files.resolvePath(folder, 'live.jsonl') }
  }

  async function publish(tx: Db, context: JobContext<GatherSpec>, { evidence, dataset, from, table }: Outcome) {
    const { spec, principal, jobId } = context
    if (table === null) return { ...evidence, version: null, versionNumber: null, split: null }
    const since = evidence.newestMs === null ? '' : `, up to ${toIso(evidence.newestMs).slice(0, 16).replace('T', ' ')} UTC`
    const made = await insertMadeVersion(tx, needs.jobs, principal, {
      dataset,
      table,
      jobId,
      note: `Run ${spec.number} of the loop of "${spec.endpointName}"`,
      derivedFrom:
        from === null
          ? null
          : {
              version: from,
              how: `${gatheredHow}${evidence.original} rows the champion learnt from, ${evidence.live} live rows to learn from, the ${evidence.sealed} newest sealed${since}`,
            },
    })
    return { ...evidence, version: made.version, versionNumber: made.number, split: null }
  }

  return {
    kind: 'loop.gather',
    run,
    publish,
    async ended({ state }) {
      // The profile of the new version waits in the queue.
      if (state === 'succeeded') needs.jobs.wake()
    },
  }
}

/** What is from live traffic is named by its content. */
const liveName = ({ sha256, contentType }: CapturedFile): string => `live/${sha256}.${endingOf(contentType)}`

function refuseOtherColumns(wanted: readonly string[], columns: readonly { name: string }[], dataset: string): void {
  const absent = wanted.filter((name) => !columns.some((column) => column.name === name))
  if (absent.length === 0) return
  throw preconditionFailed(
    `The data set "${dataset}" of the goal has no column ${absent
      .slice(0, 5)
      .map((name) => `"${name}"`)
      .join(', ')}, which the served model reads. Choose a goal on the data that the model learnt from.`,
    { columns: absent },
  )
}

type Gathered = Omit<Awaited<ReturnType<typeof writeGathered>>, 'items'>

/** Why this is not enough to train and to judge; null where it is. */
function lackOf(found: Gathered, { window, minimumSealed }: GatherSpec): string | null {
  const usable = found.labelled - found.unknownTruth - found.withoutFile
  const files =
    found.withoutFile === 0
      ? ''
      : ` Of ${found.withoutFile} more the image or sound was not kept: let the endpoint keep files (filesMegabytes of what is captured).`
  if (usable < window.minimumRows)
    return `Only ${usable} captured rows of the window have their truth; ${window.minimumRows} are needed.${files} The champion stays.`
  if (found.live === 0 && found.original === 0)
    return 'All labelled rows of the window are of one moment: nothing is left to learn from beside those to judge on. The champion stays.'
  if (found.sealed < minimumSealed)
    return `Only ${found.sealed} rows are left to judge on; ${minimumSealed} are needed (${found.seenByChampion.before} were known when the champion was made, ${found.seenByChampion.alike} are rows that it learnt from).${files} The champion stays.`
  const present = found.classes.filter(({ sealed }) => sealed > 0)
  if (found.classes.length > 0 && present.length < 2)
    return `All rows to judge on are "${present[0]?.value ?? ''}": no two models can be told apart on them. The champion stays.`
  return null
}

const sentenceOf = (found: Gathered): string =>
  `${found.labelled} rows of the window have their truth: ${found.live} join ${found.original > 0 ? `the ${found.original} rows that the champion learnt from` : 'as training rows'}, the newest ${found.sealed} are sealed for judging.`
