import { isPlatformError, PlatformError } from '../../kernel/errors.ts'
import type { RuntimeName } from '../../ports/engines/runtimes.ts'
import { prove } from '../evaluation/prove.ts'
import type { JobContext } from '../jobs/handler.ts'
import { Signature } from '../registry/schema.ts'
import { hashFile } from '../training/hash-file.ts'
import { runtimeFor } from './inspect/custom.ts'
import { type ImportJobNeeds, type ImportSpec, type Made, openFilesIn } from './job.ts'
import type { Prepared } from './prepare.ts'
import { laySample } from './sample.ts'
import type { FormatName } from './schema.ts'

/** The environment that has the library of a format. */
const runtimes: Partial<Record<FormatName, RuntimeName>> = { onnx: 'deep', transformers: 'deep', torchscript: 'deep' }

interface TrainingNotes {
  algorithm?: string
  export?: { ok?: boolean; path?: string; reason?: string | null }
  notes?: string[]
}

/** What takes the original's library is made in the sandbox: a graph where that can be, rows with the original's answers, and the original itself for a worker. */
export async function convertByEngine(needs: ImportJobNeeds, context: JobContext<ImportSpec>, prepared: Prepared): Promise<Made> {
  const { files } = needs
  const { bundle, found, sample, answers, inspection } = prepared
  const runtime =
    found.format === 'custom' ? (answers.runtime ?? (await runtimeFor(bundle, found))) : (runtimes[found.format] ?? 'tabular')
  context.progress('convert', 0, 1, 'The model is opened by its own library, in the sandbox.')
  const { folder } = await context.runEngine({
    name: 'convert',
    engine: 'bring.convert',
    runtime,
    parameters: {
      format: found.format,
      file: found.file,
      container: found.container,
      task: answers.task ?? null,
      target: answers.target ?? null,
      classes: answers.classes ?? null,
      positive: answers.positive ?? null,
      threshold: answers.threshold ?? null,
      inputs: inputsFor(prepared),
      expected: answers.expected ?? null,
      tolerance: 1e-4,
      parityRows: 1000,
      options: optionsFor(prepared),
      inspection,
    },
    seed: 7,
    async prepare(data) {
      for (const { path } of bundle.files) {
        const at = `source/${path}`
        await files.makeFolder(data, at.slice(0, at.lastIndexOf('/')))
        await files.copy({ root: bundle.root, path: bundle.places.get(path)! }, { root: data, path: at })
      }
      if (sample) await laySample(files, sample, files.resolvePath(data, 'sample'))
    },
  })
  const read = Signature.safeParse(await files.readJson(folder, 'model/signature.json'))
  if (!read.success)
    throw new PlatformError('internal', 'The converting engine left a signature that cannot be read.', {
      issues: read.error.issues.slice(0, 5),
    })
  const signature = read.data
  const training = (await files.readJson(folder, 'model/training.json')) as TrainingNotes
  const notes = training.notes ?? []
  const exported = {
    ok: training.export?.ok === true && training.export.path === 'onnx',
    reason: training.export?.reason ?? null,
  }
  const parity = (await files.exists(folder, 'output/data/parity_rows.jsonl'))
    ? await proveConverted(needs, context, { folder, signature, exported, runtime })
    : null
  if (!parity)
    notes.push('There were no rows on which a graph could be compared with the original, so that the original itself answers.')
  if (parity?.served === 'python' && parity.reason)
    context.report({ type: 'warning', data: { code: 'served_by_python', message: parity.reason, facts: {} } })
  return {
    signature,
    parity,
    served: parity?.served === 'onnx' ? 'onnx' : 'python',
    runtime,
    algorithm: (training.algorithm ?? found.algorithm).slice(0, 200),
    notes,
    open: (await openFilesIn(files, folder, 'model')).filter(({ path }) => parity?.served === 'onnx' || path !== 'model.onnx'),
    evidenceFolder: parity ? files.resolvePath(folder, 'output/data') : null,
    sandboxOnly: (await files.list(folder, 'native')).map(({ path }) => {
      const at = path.startsWith('native/') ? path : `native/${path}`
      return { path: at, root: folder, at }
    }),
  }
}

/** How the original is asked, and what its numbers are, where the person says it. */
const optionsFor = ({ picture, answers: { contentType, scores, task, takes, image } }: Prepared) => ({
  ...(picture ?? ((takes === 'image' || image) && { image: image ?? {} })),
  ...(contentType && { contentType }),
  ...(scores && { answers: scores === 'probabilities' ? 'identity' : task === 'multilabel' ? 'sigmoid' : 'softmax' }),
})

/** Columns by name and type, where the file or the person says them. */
function inputsFor({ found, picture, answers, sample }: Prepared) {
  const isOfImages = picture !== null || answers.takes === 'image' || answers.image !== undefined
  if (isOfImages)
    return Array.isArray(answers.columns) ? [{ name: answers.columns[0]!, type: null, nullable: false, categories: null }] : null
  const typeOf = new Map(sample?.columns.map(({ name, type }) => [name, type as string]))
  const known = new Map(found.columns?.map(({ name, type }) => [name, type]))
  const sampled = sample?.columns.map(({ name }) => name).filter((name) => name !== answers.target && name !== answers.expected)
  const numbered = found.width === null ? undefined : Array.from({ length: found.width }, (_, i) => `x${i}`)
  const names = answers.columns === 'numbered' ? numbered : (answers.columns ?? found.columns?.map(({ name }) => name) ?? sampled)
  return (
    names?.map((name) => ({
      name,
      type: known.get(name) ?? typeOf.get(name) ?? null,
      nullable: true,
      categories: null,
    })) ?? null
  )
}

async function proveConverted(
  needs: ImportJobNeeds,
  context: JobContext<ImportSpec>,
  {
    folder,
    signature,
    exported,
    runtime,
  }: { folder: string; signature: Signature; exported: { ok: boolean; reason: string | null }; runtime: RuntimeName },
) {
  const { files } = needs
  context.progress('prove', 0, 1, 'The rows that the original answered are replayed through the serving code.')
  const place = await files.makeFolder(context.folder, 'proving')
  await files.copy({ root: folder, path: 'model' }, { root: place, path: 'package' })
  const packageFolder = files.resolvePath(place, 'package')
  try {
    return await prove(needs, {
      signature,
      exported,
      packageFolder,
      evidenceFolder: files.resolvePath(folder, 'output/data'),
      hashOf: (path) => hashFile(files, packageFolder, path),
      engine: { family: 'bring', runtime },
      trust: 'imported',
      proof: { fewestRows: 1, labelsOnly: false },
      layNative: () => files.copy({ root: folder, path: 'native' }, { root: packageFolder, path: 'native' }),
    })
  } catch (error) {
    if (isPlatformError(error)) throw error
    throw new PlatformError(
      'internal',
      `The comparison with the original failed: ${(error as Error).message}`,
      {},
      { cause: error },
    )
  } finally {
    await files.remove(place)
  }
}
