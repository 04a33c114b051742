import { pipeline } from 'node:stream/promises'
import { pack } from 'tar-stream'
import type * as z from 'zod'
import { invalidInput, notFound } from '../../kernel/errors.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { StreamReply } from '../../kernel/route.ts'
import type { BlobStore } from '../../ports/blobs/blob-store.ts'
import type { DatasetsService } from '../datasets/service.ts'
import { fairnessUnknown } from './card.ts'
import type { CellRows, ModelVersion, VersionDetails } from './schema.ts'

export interface VersionFilesNeeds {
  blobs: BlobStore
  datasets: Pick<DatasetsService, 'pin' | 'rowsOf'>
  registry: { resolveVersion(by: Principal, ref: string, project?: string): Promise<ModelVersion> }
  /** How the version treats groups of people, for its card; null where nobody looked. */
  fairness?(version: ModelVersion): Promise<string | null>
}

export type VersionFiles = ReturnType<typeof versionFiles>

/** Files of a package that hold rows of its data: only those who may read the data set get them. */
const holdsRows: ReadonlySet<string> = new Set(['background.json'])

/** The files of a package, as pages and people read them. */
export function versionFiles({ blobs, datasets, registry, fairness }: VersionFilesNeeds) {
  /** JSON of a package's file; null where the package lacks it. */
  async function json(version: ModelVersion, path: string): Promise<Record<string, unknown> | null> {
    const entry = version.manifest.files.find((file) => file.path === path)
    return entry ? JSON.parse(Buffer.from(await blobs.bytes(entry.sha256)).toString('utf8')) : null
  }

  async function details(by: Principal, ref: string, project?: string): Promise<z.infer<typeof VersionDetails>> {
    const version = await registry.resolveVersion(by, ref, project)
    const [evaluation, training, explain, shap, uncertainty, recipe] = await Promise.all(
      ['evaluation.json', 'training.json', 'explain.json', 'shap.json', 'uncertainty.json', 'recipe.json'].map((path) =>
        json(version, path),
      ),
    )
    return {
      evaluation: evaluation as z.infer<typeof VersionDetails>['evaluation'],
      training: training ?? {},
      explain: explain ?? null,
      shap: shap ?? null,
      uncertainty: uncertainty ?? null,
      recipe: recipe ?? {},
    }
  }

  /** The card as it was written at registration, and what has happened to the version since. */
  async function card(by: Principal, ref: string, project?: string): Promise<string> {
    const version = await registry.resolveVersion(by, ref, project)
    const entry = version.manifest.files.find((file) => file.path === 'card.md')
    if (!entry) throw notFound('card of the model version', `${version.modelName}:${version.number}`)
    const written = Buffer.from(await blobs.bytes(entry.sha256)).toString('utf8')
    const examined = (await fairness?.(version)) ?? null
    return (examined === null ? written : withFairness(written, examined)) + sinceRegistration(version)
  }

  async function file(by: Principal, ref: string, path: string, project?: string): Promise<StreamReply> {
    const version = await registry.resolveVersion(by, ref, project)
    const name = `${version.modelName}-${version.number}`
    if (path === 'manifest.json')
      return {
        contentType: 'application/json',
        body: JSON.stringify(version.manifest, null, 1),
        filename: `${name}-manifest.json`,
      }
    if (holdsRows.has(path)) await datasets.pin(by, version.dataset, version.datasetVersion)
    const entry = version.manifest.files.find((one) => one.path === path)
    if (!entry) throw notFound(`file of ${version.modelName}:${version.number}`, path)
    return {
      contentType: path.endsWith('.json')
        ? 'application/json'
        : path.endsWith('.md')
          ? 'text/markdown; charset=utf-8'
          : 'application/octet-stream',
      body: await blobs.get(entry.sha256),
      sizeBytes: entry.sizeBytes,
      filename: `${name}-${path}`,
    }
  }

  /** All files of the package that may leave the sandbox, and the manifest, as one tar archive. */
  async function archive(by: Principal, ref: string, project?: string): Promise<StreamReply> {
    const version = await registry.resolveVersion(by, ref, project)
    const name = `${version.modelName}-${version.number}`
    const { files } = version.manifest
    const seesData = async () =>
      datasets.pin(by, version.dataset, version.datasetVersion).then(
        () => true,
        () => false,
      )
    const leaving =
      files.some(({ path }) => holdsRows.has(path)) && !(await seesData())
        ? files.filter(({ path }) => !holdsRows.has(path))
        : files
    const tar = pack()
    const fill = async () => {
      tar.entry({ name: `${name}/manifest.json` }, JSON.stringify(version.manifest, null, 1))
      for (const { path, sha256, sizeBytes } of leaving)
        await pipeline(await blobs.get(sha256), tar.entry({ name: `${name}/${path}`, size: sizeBytes }))
      tar.finalize()
    }
    fill().catch((error) => tar.destroy(error))
    return { contentType: 'application/x-tar', body: tar, filename: `${name}.tar` }
  }

  /** The first sealed rows that are one class and were called another (or the same): what a mistake looks like. */
  async function rowsOfCell(
    by: Principal,
    ref: string,
    cell: { actual: string; predicted: string },
    project?: string,
  ): Promise<z.infer<typeof CellRows>> {
    const version = await registry.resolveVersion(by, ref, project)
    // Whoever sees the model need not see the data.
    await datasets.pin(by, version.dataset, version.datasetVersion)
    const { confusion } = ((await json(version, 'evaluation.json')) ?? {}) as { confusion?: Confusion | null }
    if (!confusion) throw notFound('confusion matrix of the model version', `${version.modelName}:${version.number}`)
    const place = (value: string, field: string): number => {
      const index = confusion.classes.indexOf(value)
      if (index < 0)
        throw invalidInput(`"${value}" is no class of "${version.target}"; these are ${confusion.classes.join(', ')}.`, { field })
      return index
    }
    const total = confusion.matrix[place(cell.actual, 'actual')]![place(cell.predicted, 'predicted')]!
    const numbers = confusion.rows[`${cell.actual}|${cell.predicted}`] ?? []
    return { ...cell, total, ...(await datasets.rowsOf(version.datasetVersion, numbers)) }
  }

  return { json, rowsOfCell, details, card, file, archive }
}

interface Confusion {
  classes: string[]
  matrix: number[][]
  rows: Record<string, number[]>
}

/** The card with what was found out later in the place of "was not examined". */
const withFairness = (written: string, section: string): string =>
  `${written.replace(`- ${fairnessUnknown}\n`, '')}\n${section}\n`

function sinceRegistration({ number, state, override }: ModelVersion): string {
  const lines = [`\n## Since registration\n\nThis is version ${number}. State: ${state}.`]
  if (override)
    lines.push(
      `Promoted at ${override.at} although the evidence spoke against it. ${override.by} gave this reason:\n\n> ${override.reason.replace(/\s+/g, ' ')}`,
    )
  return `${lines.join('\n\n')}\n`
}
