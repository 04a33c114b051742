import { Readable } from 'node:stream'
import { PlatformError } from '../../../kernel/errors.ts'
import { shapeOf } from '../../../ports/inference/signature.ts'
import { prove } from '../../evaluation/prove.ts'
import type { JobContext } from '../../jobs/handler.ts'
import { hashFile } from '../../training/hash-file.ts'
import { type ImportJobNeeds, type ImportSpec, type Made, openFilesIn } from '../job.ts'
import { type Prepared, siblingOf, wordsBeside } from '../prepare.ts'
import { sampleRows } from '../sample.ts'
import { writeEvidence } from './evidence.ts'
import { isReady, wrapOnnx } from './wrap.ts'

const mostTokenizerBytes = 64 * 2 ** 20

/** A graph that was brought becomes one that takes rows: the platform's inputs before it, its outputs behind it, then both are asked and compared. */
export async function serveGraph(needs: ImportJobNeeds, context: JobContext<ImportSpec>, prepared: Prepared): Promise<Made> {
  const { files, tables } = needs
  const { bundle, found, plan, sample, answers } = prepared
  const { folder } = context
  const onnx = found.onnx!
  if (!plan) throw new PlatformError('internal', 'A graph without a plan came to be served.')
  const source = bundle.files.find(({ path }) => path === found.file)!
  context.progress('convert', 0, 1, 'The inputs and outputs are put around the graph.')
  const packageFolder = await files.makeFolder(folder, 'package/model')
  const pieces = isReady(plan, onnx)
    ? (await files.open(bundle.root, bundle.places.get(found.file)!)).stream
    : Readable.from(await wrapOnnx(source, { onnx, plan, fileOf: (location) => siblingOf(bundle, found.file, location) }))
  await files.writeStream(packageFolder, 'model.onnx', pieces)
  const words = plan.signature.inputs.some(({ tensor }) => tensor === 'tokens')
    ? wordsBeside(bundle, found.file, 'tokenizer.json')
    : undefined
  if (words) {
    if (words.sizeBytes > mostTokenizerBytes)
      throw new PlatformError('too_large', `"${words.path}" has more than ${mostTokenizerBytes / 2 ** 20} MB.`)
    await files.writeStream(packageFolder, 'tokenizer.json', Readable.from([await words.read(0, words.sizeBytes)]))
  }

  context.progress('prove', 0, 1, 'The original and what will be served are asked for the same rows.')
  const { inputs } = plan.signature
  const rows = sample
    ? await sampleRows(
        tables,
        sample,
        inputs.map(({ name, tensor }) => ({ name, isText: tensor !== 'numbers' })),
        folder,
      )
    : []
  const column = answers.expected
  const values =
    sample && column
      ? (await sampleRows(tables, sample, [{ name: column, isText: false }], folder)).map((row) => row[column])
      : []
  const evidenceFolder = await files.makeFolder(folder, 'evidence')
  const evidence = await writeEvidence(
    needs,
    {
      file: files.resolvePath(bundle.root, bundle.places.get(found.file)!),
      servedFile: files.resolvePath(packageFolder, 'model.onnx'),
      onnx,
      plan,
      sample: rows,
      expected: column ? { column, values } : null,
    },
    evidenceFolder,
  )
  const parity =
    evidence &&
    (await prove(needs, {
      signature: plan.signature,
      exported: { ok: true, reason: null },
      packageFolder,
      evidenceFolder,
      hashOf: (path) => hashFile(files, packageFolder, path),
      engine: null,
      trust: 'imported',
      proof: { fewestRows: 1, labelsOnly: evidence.labelsOnly },
      layNative: async () => {},
    }))
  if (!evidence) await refuseUnloadable(needs, plan.signature, packageFolder)
  return {
    signature: plan.signature,
    parity,
    served: 'onnx',
    runtime: null,
    algorithm: found.algorithm,
    notes: evidence
      ? evidence.labelsOnly
        ? ['The original tells its probabilities in dictionaries, which the runtime does not read: its labels were compared.']
        : []
      : ['The original could not be asked by itself, so that only the graph that is served was opened.'],
    open: await openFilesIn(files, folder, 'package/model'),
    sandboxOnly: [],
    evidenceFolder: evidence ? evidenceFolder : null,
  }
}

/** A graph that nothing was compared on must at least open as it would be served. */
async function refuseUnloadable(
  { inference, files }: ImportJobNeeds,
  signature: Made['signature'],
  packageFolder: string,
): Promise<void> {
  const model = await inference.load({
    file: files.resolvePath(packageFolder, 'model.onnx'),
    ...shapeOf(signature),
    trust: 'imported',
  })
  await model.close()
}
