import { invalidInput } from '../../../../kernel/errors.ts'
import { shown } from '../byte-source.ts'

/** Classes and functions that models are made of. What is not among them is refused by name: a pickle can name any program. */
const exact: ReadonlySet<string> = new Set([
  'collections.OrderedDict',
  'collections.defaultdict',
  'collections.deque',
  'copyreg._reconstructor',
  'copy_reg._reconstructor',
  '_codecs.encode',
  'datetime.date',
  'datetime.datetime',
  'datetime.timedelta',
  'decimal.Decimal',
  'fractions.Fraction',
  'joblib.numpy_pickle.NumpyArrayWrapper',
  'numpy.dtype',
  'numpy.ndarray',
  'numpy.matrix',
  'numpy.core.multiarray._reconstruct',
  'numpy._core.multiarray._reconstruct',
  'numpy.core.multiarray.scalar',
  'numpy._core.multiarray.scalar',
  'numpy.core.numeric._frombuffer',
  'numpy._core.numeric._frombuffer',
  'numpy.ma._mareconstruct',
  'numpy.ma.MaskedArray',
  'numpy.ma.core._mareconstruct',
  'numpy.ma.core.MaskedArray',
  'numpy.random._pickle.__randomstate_ctor',
  'numpy.random._pickle.__bit_generator_ctor',
  'numpy.random._pickle.__generator_ctor',
  'numpy.random._mt19937.MT19937',
  'numpy.random._pcg64.PCG64',
  'numpy.random.bit_generator.SeedSequence',
  'numpy.random.bit_generator.__pyx_unpickle_SeedSequence',
  'numpy.random.mtrand.RandomState',
  'pandas._libs.internals._unpickle_block',
  'pandas.core.indexes.base._new_Index',
  'sklearn.metrics._scorer._passthrough_scorer',
  'sklearn.utils._bunch.Bunch',
])

const builtins: ReadonlySet<string> = new Set(
  'object set frozenset list dict tuple slice range complex bytearray bytes int float bool str NoneType'.split(' '),
)

/** Functions of numbers that people give to transformers. */
const numbers: ReadonlySet<string> = new Set(
  'abs absolute cbrt ceil clip cos exp exp2 expm1 floor log log10 log1p log2 nan_to_num negative reciprocal rint sign sin sqrt square tan tanh'.split(
    ' ',
  ),
)
const numpyTypes = /^(bool_?|str_|bytes_|u?int(8|16|32|64|p|c)?|float(16|32|64)?|datetime64|timedelta64|object_|intc|longlong)$/

/** Libraries whose classes (not functions) are parts of models. */
const classesOf =
  /^(sklearn|xgboost|lightgbm|catboost|_catboost|imblearn|scipy\.sparse|scipy\.stats|scipy\.interpolate|pandas|category_encoders|feature_engine)(\.|$)/
const notClasses =
  /^(sklearn|imblearn|pandas|scipy|xgboost|lightgbm)\.(.*\.)?(tests?|testing|_testing|conftest|datasets|io|eval|computation|utils\._testing|utils\._joblib)(\.|$)/
/** Parts of compiled modules that are no classes by their names. */
const compiled = /^(sklearn|_loss|imblearn)(\.|$).*\.(__pyx_unpickle_\w+|new[A-Z]\w+|newObj)$/

/** Whether a global may stand in a model's pickle. */
export function isPartOfModels(global: string): boolean {
  if (exact.has(global)) return true
  const dot = global.lastIndexOf('.')
  const module = global.slice(0, dot)
  const name = global.slice(dot + 1)
  if (module === 'builtins' || module === '__builtin__') return builtins.has(name)
  if (module === 'numpy') return numbers.has(name) || numpyTypes.test(name)
  if (module === 'numpy.core.numeric' || module === 'numpy._core._multiarray_umath' || module === 'numpy.core._multiarray_umath')
    return numbers.has(name)
  if (module === '_loss' || compiled.test(global)) return /^__pyx_unpickle_\w+$|^Cy\w+$/.test(name) || compiled.test(global)
  // A name with a dot reaches through what it finds: `Class.method.__globals__`.
  return classesOf.test(module) && !notClasses.test(module) && /^_?[A-Z]\w*$/.test(name)
}

/** Globals of torch's own files: numbers and how they lie. */
export const isPartOfTorch = (global: string): boolean =>
  exact.has(global) ||
  /^torch\.(_utils\._rebuild_(tensor|tensor_v2|tensor_v3|parameter|qtensor)|\w+Storage|Size|device|(q?u?int|float|bfloat|complex|bool|double|half|long|short)\w*|serialization\._get_layout|jit\._pickle\.(build_\w+list|restore_type_tag))$/.test(
    global,
  ) ||
  global === 'torch.storage.UntypedStorage' ||
  global.startsWith('__torch__.')

const programs =
  /^(os|posix|nt|subprocess|sys|shutil|socket|pty|importlib|runpy|code|codeop|ctypes|multiprocessing|threading|pathlib|io|builtins|__builtin__|webbrowser|urllib|http|requests|asyncio|pickle|_pickle|marshal|types|functools|operator|timeit|pdb|bdb|cProfile|profile|idlelib|pip|pydoc|venv|ensurepip|tempfile|commands)(\.|$)/

/** Refuses a pickle that names what no model is made of. */
export function refuseForeign(path: string, globals: readonly string[], isAllowed: (global: string) => boolean): void {
  const foreign = globals.filter((global) => !isAllowed(global))
  const [first] = foreign.sort((a, b) => Number(programs.test(b)) - Number(programs.test(a)))
  if (first === undefined) return
  const others = foreign.length > 1 ? ` (and ${foreign.length - 1} more)` : ''
  throw invalidInput(
    programs.test(first)
      ? `"${path}" is refused: loading it would call ${shown(first)}${others}, which runs a program and is no part of a model.`
      : `"${path}" is refused: it names ${shown(first)}${others}, which is no part of a library that is known here. Code of your own cannot be brought in a pickle; export the model to ONNX.`,
    { file: path, global: shown(first), globals: foreign.slice(0, 20).map(shown) },
  )
}
