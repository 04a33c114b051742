import { invalidInput } from '../../../kernel/errors.ts'
import { inspectCatboost, inspectLightgbm } from './boosters.ts'
import type { Bundle } from './bundle.ts'
import { type ByteSource, shown } from './byte-source.ts'
import { codeIn, inspectCustom } from './custom.ts'
import type { Found } from './found.ts'
import { inspectGguf } from './gguf.ts'
import { readMlmodel } from './mlflow.ts'
import { inspectOnnx, looksLikeOnnx, type OnnxFacts } from './onnx.ts'
import { typeName } from './onnx-parts.ts'
import { inspectPickle, isPickle } from './sklearn.ts'
import { inspectTorchscript, refuseTorch, zipKind } from './torch.ts'
import { inspectTransformers } from './transformers.ts'
import { inspectXgboost, looksLikeXgboost } from './xgboost.ts'

export interface Detected extends Found {
  container: 'mlflow' | 'sagemaker' | null
  target: string | null
}

const headBytes = 512

/** What a bundle holds, by its bytes. Refuses with the reason; runs nothing. */
export async function detect(bundle: Bundle, wanted?: string, asked?: string): Promise<Detected> {
  if (asked === 'custom')
    return { ...inspectCustom(bundle, wanted), container: bundle.container === 'tar.gz' ? 'sagemaker' : null, target: null }
  const mlmodel = nearest(bundle, 'MLmodel')
  if (mlmodel && wanted === undefined) return fromMlflow(bundle, mlmodel)
  const found = await modelIn(bundle, bundle.files, wanted)
  const container = bundle.container === 'tar.gz' && found.format !== 'transformers' ? 'sagemaker' : null
  if (found.format !== 'custom' && codeIn(bundle))
    found.notes.push(
      'Its folder code/ is not run: how rows become inputs and answers is what the model itself says. To have its code answer, ask for the format custom.',
    )
  return { ...found, container, target: null }
}

async function fromMlflow(bundle: Bundle, mlmodel: ByteSource): Promise<Detected> {
  const { flavour, path, columns, target, facts } = await readMlmodel(mlmodel)
  const top = mlmodel.path.slice(0, -'MLmodel'.length)
  const at = `${top}${path}`.replace(/\/$/, '')
  const within = bundle.files.filter((file) => file.path === at || file.path.startsWith(`${at}/`))
  if (within.length === 0)
    throw invalidInput(`The MLflow model says that its model is "${shown(path)}", which is not there.`, { file: shown(path) })
  const found = await modelIn(bundle, within)
  return {
    ...found,
    columns: columns ?? found.columns,
    container: 'mlflow',
    target,
    facts: { ...found.facts, mlflow: { flavour, ...facts } },
  }
}

/** The one model among some files. */
async function modelIn(bundle: Bundle, files: readonly ByteSource[], wanted?: string): Promise<Found> {
  if (wanted !== undefined) {
    const file = files.find(({ path }) => path === wanted)
    if (!file) throw invalidInput(`There is no file "${shown(wanted)}" in it.`, { field: 'file' })
    const found = await modelOf(bundle, file)
    if (found) return found
    throw invalidInput(`"${shown(wanted)}" is no model of a format that is known here.`, { field: 'file' })
  }
  const config = nearest({ files }, 'config.json')
  if (config) {
    const folder = config.path.slice(0, -'config.json'.length)
    if (files.some(({ path }) => path.startsWith(folder) && path.endsWith('.safetensors')))
      return inspectTransformers(folder, files)
  }
  const found: Found[] = []
  for (const file of files) {
    const one = await modelOf(bundle, file)
    if (one) found.push(one)
    if (found.length > 1)
      throw invalidInput(
        `There are several models in it: ${found.map((each) => `"${shown(each.file)}" (${each.format})`).join(' and ')}. Say which one is meant (file).`,
        { field: 'file', files: found.map((each) => each.file) },
      )
  }
  if (found[0]) return found[0]
  if (config && files.some(({ path }) => /\.(bin|pt|pth|ckpt)$/.test(path)))
    throw invalidInput(
      'Its weights are files of torch, not safetensors. Add the folder as weights first (atoll weights add), which reads them in a sandbox and writes safetensors; or save it with safe_serialization=True.',
      { field: 'source' },
    )
  const code = codeIn(bundle)
  if (code) return code
  throw await unknown(files)
}

/** What a file is; null for what is no model (words, settings, pictures). */
async function modelOf(bundle: Bundle, file: ByteSource): Promise<Found | null> {
  const head = await file.read(0, headBytes)
  const members = bundle.members.get(file.path)
  if (members) {
    const kind = zipKind(members.map(({ path }) => path))
    if (kind === 'torchscript') return inspectTorchscript(file.path, members)
    return kind === 'torch' ? refuseTorch(file.path, members) : null
  }
  const letters = head.toString('latin1', 0, 8)
  if (letters.startsWith('GGUF')) return inspectGguf(file)
  if (letters.startsWith('CBM1')) return inspectCatboost(file)
  if (/^tree\r?\n/.test(letters)) return inspectLightgbm(file)
  if (letters === '\x89HDF\r\n\x1a\n')
    throw invalidInput(
      `"${file.path}" is an HDF5 file, of which reading can run what its settings name (Keras). Export the model to ONNX and bring that.`,
      { file: file.path },
    )
  const xgboost = looksLikeXgboost(head)
  if (xgboost) return inspectXgboost(file, xgboost)
  if (isText(head)) return (await isOldPickle(file, head)) ? inspectPickle(file) : null
  if (await isPickle(file, head)) return inspectPickle(file)
  if (await looksLikeOnnx(file)) return describeOnnx(file.path, await inspectOnnx(file))
  return null
}

function describeOnnx(path: string, onnx: OnnxFacts): Found {
  return {
    format: 'onnx',
    file: path,
    marked: null,
    algorithm: `onnx (${onnx.producer || 'producer not stated'})`,
    task: null,
    classes: onnx.classes,
    columns: null,
    width: null,
    facts: { irVersion: onnx.irVersion, opsets: onnx.opsets, nodes: onnx.nodes, metadata: onnx.metadata },
    notes: [],
    onnx,
  }
}

/** Settings and words are text; so are pickles of protocol 0, of which the first letters say what they do. */
const isText = (head: Buffer): boolean => !head.some((byte) => byte < 9 || (byte > 13 && byte < 32) || byte === 127)
const isOldPickle = async (file: ByteSource, head: Buffer): Promise<boolean> =>
  /^[(c\]}l](?!.*<)/s.test(head.toString('latin1', 0, 64)) && file.sizeBytes < 2 ** 28 && (await isPickle(file, head))

/** The file of that name nearest to the top. */
function nearest({ files }: { files: readonly ByteSource[] }, name: string): ByteSource | undefined {
  const depth = (path: string) => path.split('/').length
  return files
    .filter(({ path }) => path === name || path.endsWith(`/${name}`))
    .sort((a, b) => depth(a.path) - depth(b.path) || (a.path < b.path ? -1 : 1))[0]
}

async function unknown(files: readonly ByteSource[]): Promise<Error> {
  const names = files.slice(0, 5).map(({ path }) => `"${shown(path)}"`)
  const [first] = files
  const lone = files.length === 1 && first ? (await first.read(0, 8)).toString('hex') : null
  return invalidInput(
    `There is no model in it that can be brought (${names.join(', ')}${files.length > 5 ? `, … ${files.length} files` : ''}${lone ? `; it begins with the bytes ${lone}` : ''}). Known are ONNX, GGUF, safetensors with config.json, TorchScript, scikit-learn and joblib files, XGBoost (JSON, UBJSON), LightGBM text, CatBoost, folders of MLflow and SageMaker's model.tar.gz.`,
    { field: 'source' },
  )
}

/** A graph's tensors for people and protocols. */
export const graphOf = (onnx: OnnxFacts) => ({
  opset: onnx.opsets[''] ?? onnx.opsets['ai.onnx'] ?? 0,
  inputs: onnx.inputs.map(({ name, type, shape, kind }) => ({
    name,
    datatype: kind === 'tensor' ? typeName(type) : kind,
    shape,
  })),
  outputs: onnx.outputs.map(({ name, type, shape, kind }) => ({
    name,
    datatype: kind === 'tensor' ? typeName(type) : kind,
    shape,
  })),
  operators: onnx.operators,
  parameters: onnx.parameters,
})
