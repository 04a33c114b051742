import { invalidInput, PlatformError } from '../../kernel/errors.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Media } from '../../ports/media/media.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import type { Source } from '../datasets/schema.ts'
import type { Uploads } from '../datasets/uploads.ts'
import { type Bundle, listed, listHash, openBundle, sizeOf } from './inspect/bundle.ts'
import { jsonOf } from './inspect/byte-source.ts'
import { type Detected, detect, graphOf } from './inspect/detect.ts'
import { licenceIn } from './inspect/licence.ts'
import { classesOfConfig, taskOfArchitecture, wordsOf } from './inspect/transformers.ts'
import { objectOf } from './inspect/xgboost.ts'
import { missingFor } from './missing.ts'
import { type PicturePlan, planPictures, takesImages } from './onnx/pictures.ts'
import { type OnnxPlan, planOnnx } from './onnx/plan.ts'
import { readSample, type Sample } from './sample.ts'
import type { ImportAnswers, Inspection, Missing } from './schema.ts'

export interface PrepareNeeds {
  files: Files
  media: Pick<Media, 'unpack' | 'archiveKind'>
  tables: Tables
  uploads: Pick<Uploads, 'open'>
}

/** What was brought, looked at, with what the person said of it. */
export interface Prepared {
  bundle: Bundle
  found: Detected
  /** The person's answers, else what the file says. */
  answers: ImportAnswers
  plan: OnnxPlan | null
  /** A graph over images: the job asks it as it is said here, and writes what is served. */
  picture: PicturePlan | null
  sample: Sample | null
  inspection: Inspection
}

/** Lays out and inspects what was brought. Runs nothing of it; refuses what is harmful or not known, with the reason. */
export async function prepare(
  needs: PrepareNeeds,
  by: Principal,
  { source, ...said }: ImportAnswers & { source: Source },
  folder: string,
  signal?: AbortSignal,
): Promise<Prepared> {
  const { files, uploads } = needs
  const file = await uploads.open(by, source)
  const bundle = await openBundle(needs, file, folder, signal)
  const found = await detect(bundle, said.file, said.format)
  refuseOther(said.format, found)
  const sample = said.sample ? await readSample({ ...needs, files }, by, said.sample, folder, signal) : null
  const beside = found.format === 'onnx' ? await besideGraph(bundle, found.file) : null
  const answers: ImportAnswers = {
    ...said,
    task: said.task ?? found.task ?? beside?.task ?? undefined,
    target: said.target ?? found.target ?? undefined,
    classes: said.classes ?? found.classes ?? beside?.classes ?? undefined,
  }
  refuseLacking(sample, answers)
  let plan: OnnxPlan | null = null
  let picture: PicturePlan | null = null
  let missing: Missing[] = []
  if (found.onnx) {
    for (const { location, offset, length } of found.onnx.external) {
      const other = siblingOf(bundle, found.file, location)
      if (!other || offset + length > other.sizeBytes)
        throw invalidInput(
          `"${found.file}" keeps weights in "${location.slice(0, 100)}", which is ${other ? 'shorter than it says' : 'not in what was brought'}. Bring the folder that holds both.`,
          { file: found.file, location: location.slice(0, 100) },
        )
    }
    const isOfImages = takesImages(found.onnx, answers, beside?.hasPreparation ?? false)
    if (isOfImages === null)
      missing = [
        {
          field: 'takes',
          why: 'Its input lies as images do: is it given pictures, which are prepared here, or the tensor itself?',
          choices: ['image', 'tensor'],
        },
      ]
    else if (isOfImages) {
      const planned = planPictures(found.onnx, answers, { path: found.file, hasPreparation: beside?.hasPreparation ?? false })
      picture = planned.plan
      answers.classes ??= planned.classes ?? undefined
      missing = planned.missing
    } else {
      const planned = planOnnx(found.onnx, answers, {
        path: found.file,
        hasTokenizer: beside?.hasTokenizer ?? false,
        sampleColumns: sample?.columns ?? null,
      })
      plan = planned.plan && beside ? withWords(planned.plan, beside.words) : planned.plan
      missing = planned.missing
    }
  } else
    missing = missingFor(found, answers, sample, {
      hasPreparation: wordsBeside(bundle, found.file, 'preprocessor_config.json') !== undefined,
    })
  const card = bundle.files.find(({ path }) => /(^|\/)readme\.md$/i.test(path))
  const inspection: Inspection = {
    format: found.format,
    container: found.container,
    file: found.file,
    marked: found.marked,
    algorithm: found.algorithm,
    task: answers.task ?? null,
    target: answers.target ?? null,
    classes: plan?.signature.classes ?? answers.classes ?? null,
    columns: plan?.signature.inputs.map(({ name, type }) => ({ name, type })) ?? found.columns,
    width: found.width,
    graph: found.onnx ? graphOf(found.onnx) : null,
    signature: plan && { inputs: plan.signature.inputs },
    convertedBy: found.format === 'onnx' && !picture ? 'server' : found.format === 'gguf' ? 'nobody' : 'job',
    licence: found.licence ?? (card ? await licenceIn(card) : null) ?? '',
    sha256: file.sha256 ?? listHash(bundle),
    sizeBytes: sizeOf(bundle),
    files: listed(bundle),
    missing,
    notes: found.notes,
    facts: found.facts,
  }
  return { bundle, found, answers, plan, picture, sample, inspection }
}

/** A file that another one of the bundle names by a path relative to itself. */
export const siblingOf = (bundle: Bundle, path: string, location: string) => {
  const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/') + 1) : ''
  return bundle.files.find((one) => one.path === `${folder}${location}`)
}

/** The tokenizer and settings that belong to a graph: in its folder, or the one above (`onnx/model.onnx`). */
export function wordsBeside(bundle: Bundle, path: string, name: string) {
  const parts = path.split('/').slice(0, -1)
  for (const depth of [parts.length, parts.length - 1])
    if (depth >= 0) {
      const at = [...parts.slice(0, depth), name].join('/')
      const file = bundle.files.find((one) => one.path === at)
      if (file) return file
    }
  return undefined
}

async function besideGraph(bundle: Bundle, path: string) {
  const config = wordsBeside(bundle, path, 'config.json')
  const settings = config ? objectOf(await jsonOf(config)) : {}
  const tokenizer = wordsBeside(bundle, path, 'tokenizer_config.json')
  const architectures = Array.isArray(settings.architectures) ? settings.architectures : []
  return {
    hasPreparation: wordsBeside(bundle, path, 'preprocessor_config.json') !== undefined,
    hasTokenizer: wordsBeside(bundle, path, 'tokenizer.json') !== undefined,
    classes: classesOfConfig(settings),
    task: taskOfArchitecture(String(architectures[0] ?? ''), settings, classesOfConfig(settings)),
    words: wordsOf(settings, tokenizer ? objectOf(await jsonOf(tokenizer)) : {}),
  }
}

const withWords = (plan: OnnxPlan, words: { maxLength: number; pad: number }): OnnxPlan => ({
  ...plan,
  signature: {
    ...plan.signature,
    inputs: plan.signature.inputs.map((input) => (input.tensor === 'tokens' ? { ...input, ...words } : input)),
  },
})

function refuseOther(wanted: ImportAnswers['format'], found: Detected): void {
  if (wanted === 'auto' || wanted === found.format || wanted === found.container) return
  throw invalidInput(
    `It is not ${wanted}: by its bytes it is ${found.container ? `${found.container} with ${found.format}` : found.format}.`,
    {
      field: 'format',
      found: found.format,
    },
  )
}

function refuseLacking(sample: Sample | null, { columns, target, expected }: ImportAnswers): void {
  if (expected !== undefined && !sample)
    throw invalidInput(`"${expected}" is to hold the original's answers, and there is no sample that could have it.`, {
      field: 'expected',
    })
  if (!sample) return
  if (sample.rows === 0) throw invalidInput('The sample has no rows.', { field: 'sample' })
  const names = new Set(sample.columns.map(({ name }) => name))
  const lacking = [...(Array.isArray(columns) ? columns : []), ...(expected === undefined ? [] : [expected])].filter(
    (name) => !names.has(name),
  )
  if (lacking.length > 0)
    throw new PlatformError(
      'unprocessable',
      `The sample has no column ${lacking
        .slice(0, 5)
        .map((name) => `"${name}"`)
        .join(', ')}; it has ${[...names].slice(0, 20).join(', ')}.`,
      { field: 'sample', columns: lacking.slice(0, 100), target },
    )
}
