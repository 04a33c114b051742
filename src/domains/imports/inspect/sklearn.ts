import { gunzip, type InputType, inflate, type ZlibOptions } from 'node:zlib'
import { invalidInput } from '../../../kernel/errors.ts'
import { type ByteSource, sourceOfBytes } from './byte-source.ts'
import type { Found } from './found.ts'
import { isPartOfModels, refuseForeign } from './pickle/globals.ts'
import { readPickle } from './pickle/machine.ts'
import { arrayValues, classOf, fieldOf, isKind, itemsOf, type PickleValue } from './pickle/values.ts'

const mostPackedBytes = 512 * 2 ** 20
const mostUnpackedBytes = 1024 ** 3
/** Numbers hardly pack: what unpacks to more than this many times its size is no model. The first 64 MB are free. */
const mostRatio = 100
const freeBytes = 64 * 2 ** 20

/** joblib's kinds of compression, by their first bytes. */
export function compressionOf(head: Buffer): 'gzip' | 'zlib' | 'other' | null {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip'
  if (head[0] === 0x78 && [0x01, 0x5e, 0x9c, 0xda].includes(head[1]!)) return 'zlib'
  const start = head.toString('latin1', 0, 6)
  if (start.startsWith('BZh') || start === '\xfd7zXZ\0' || start.startsWith('\x5d\0\0') || start.startsWith('\x04\x22\x4d\x18'))
    return 'other'
  return null
}

/** Estimators that answer neither a class nor a number of a target. */
const withoutTarget =
  /^sklearn\.(cluster\.\S+|mixture\.\S+|ensemble\._iforest\.IsolationForest|neighbors\._lof\.\S+|svm\._classes\.OneClassSVM|linear_model\._stochastic_gradient\.SGDOneClassSVM|covariance\._elliptic_envelope\.EllipticEnvelope)$/

/** A pickle or a joblib file: what it would load, read without loading it. */
export async function inspectPickle(source: ByteSource): Promise<Found> {
  const wrong = (why: string) => invalidInput(`"${source.path}" is no pickle that can be read: ${why}.`, { file: source.path })
  const plain = await unpacked(source, wrong)
  const { globals, asksReader, result, protocol } = await readPickle(plain, { wrong })
  refuseForeign(source.path, globals, isPartOfModels)
  if (asksReader) throw wrong('it asks its reader for objects that are elsewhere')
  const estimator = classOf(result)
  if (estimator === null)
    throw invalidInput(
      `"${source.path}" holds ${kindOf(result)}, not a fitted model. Save the estimator itself: joblib.dump(model, "model.joblib").`,
      { file: source.path },
    )
  const last = lastOf(result)
  const strange = withoutTarget.exec(classOf(last) ?? '')
  if (strange)
    throw invalidInput(
      `"${source.path}" is ${estimator}: ${strange[0]} tells groups or strange rows, not classes or numbers, and models of scikit-learn for that are not imported. Train one here (without a target), bring it as ONNX (task: regression, the score), or with code of your own (predict.py that answers with its score).`,
      { file: source.path, estimator: strange[0] },
    )
  const columns = namesOf(result) ?? namesOf(lastOf(result, 'first'))
  const classes = arrayValues(fieldOf(last, 'classes_'))?.map(String) ?? null
  const width = fieldOf(result, 'n_features_in_') ?? fieldOf(lastOf(result, 'first'), 'n_features_in_')
  return {
    format: 'sklearn',
    file: source.path,
    marked: 'pickle',
    algorithm: classOf(last) === estimator ? estimator : `${estimator} (${classOf(last)})`,
    task: taskOf(classOf(last) ?? estimator, classes),
    classes,
    columns: columns?.map((name) => ({ name, type: null })) ?? null,
    width: typeof width === 'number' ? width : null,
    facts: { protocol, globals: globals.slice(0, 200), globalCount: globals.length },
    notes: ['It is a pickle: reading it runs what it names. Only a process in the sandbox loads it.'],
  }
}

/** Whether bytes are a pickle: those of newer protocols say so, older ones are tried. */
export async function isPickle(source: ByteSource, head: Buffer): Promise<boolean> {
  const packed = compressionOf(head)
  const wrong = (why: string) => new Error(why)
  try {
    const plain = packed === null ? source : await unpacked(source, wrong)
    const first = await plain.read(0, 2)
    if (first[0] === 0x80 && first[1]! >= 1 && first[1]! <= 5) return true
    const { globals } = await readPickle(plain, { wrong })
    return globals.length > 0
  } catch {
    return false
  }
}

async function unpacked(source: ByteSource, wrong: (why: string) => Error): Promise<ByteSource> {
  const packed = compressionOf(await source.read(0, 8))
  if (packed === null) return source
  if (packed === 'other') throw wrong('it is packed in a way that is not read here (zlib and gzip are); save it with compress=0')
  if (source.sizeBytes > mostPackedBytes)
    throw wrong(`packed files have at most ${mostPackedBytes / 2 ** 20} MB; save it with compress=0`)
  const most = Math.min(mostUnpackedBytes, freeBytes + mostRatio * source.sizeBytes)
  const bytes = await source.read(0, source.sizeBytes)
  const unpack = packed === 'gzip' ? gunzip : inflate
  const content = await new Promise<Buffer>((resolve, reject) =>
    (unpack as (input: InputType, options: ZlibOptions, done: (error: Error | null, result: Buffer) => void) => void)(
      bytes,
      { maxOutputLength: most },
      (error, result) =>
        error
          ? reject(wrong(`it does not unpack to less than ${Math.floor(most / 2 ** 20)} MB (${error.message})`))
          : resolve(result),
    ),
  )
  return sourceOfBytes(source.path, content)
}

/** The last (or first) step of a pipeline, the best of a search; else the object itself. */
function lastOf(value: PickleValue, which: 'last' | 'first' = 'last', depth = 0): PickleValue {
  if (depth > 5) return value
  const steps = fieldOf(value, 'steps')
  if (isKind(steps, 'list') && steps.items.length > 0) {
    const step = which === 'last' ? steps.items.at(-1) : steps.items[0]
    return lastOf(itemsOf(step)[1] ?? value, which, depth + 1)
  }
  const best = fieldOf(value, 'best_estimator_')
  return best && isKind(best, 'call') ? lastOf(best, which, depth + 1) : value
}

const namesOf = (value: PickleValue): string[] | null => {
  const names = arrayValues(fieldOf(value, 'feature_names_in_'))
  return names?.every((name) => typeof name === 'string') ? (names as string[]) : null
}

function taskOf(name: string, classes: string[] | null): Found['task'] {
  if (classes && classes.length > 0) return classes.length === 2 ? 'binary' : 'multiclass'
  if (/Regressor$|LinearRegression$|SVR$|^sklearn\.linear_model\..*(Ridge|Lasso|ElasticNet|Lars)(CV)?$/.test(name))
    return 'regression'
  return null
}

function kindOf(value: PickleValue): string {
  if (value === null) return 'nothing'
  if (typeof value !== 'object') return `a ${typeof value}`
  const names = {
    list: 'a list',
    tuple: 'a tuple',
    set: 'a set',
    dict: 'a dictionary',
    array: 'an array',
    bytes: 'bytes',
    global: 'a class',
  }
  return names[value.kind as keyof typeof names] ?? 'an object'
}
