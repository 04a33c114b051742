import { invalidInput } from '../../../kernel/errors.ts'
import { type ByteSource, shown } from './byte-source.ts'
import type { Found } from './found.ts'
import { numbered, numberedNote } from './xgboost.ts'

const mostHeadBytes = 16 * 2 ** 20

/** What LightGBM's text says of the model before its first tree. */
export async function inspectLightgbm(source: ByteSource): Promise<Found> {
  const wrong = (why: string) =>
    invalidInput(`"${source.path}" is no LightGBM model that can be read: ${why}.`, { file: source.path })
  const text = (await source.read(0, Math.min(source.sizeBytes, mostHeadBytes))).toString('utf8')
  const head = text.slice(0, text.search(/^Tree=/m) < 0 ? text.length : text.search(/^Tree=/m))
  const line = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(head)?.[1]?.trim() ?? null
  const objective = line('objective')
  const names = line('feature_names')?.split(' ') ?? []
  const most = Number(line('max_feature_idx'))
  if (line('version') === null || !Number.isSafeInteger(most) || most < 0) throw wrong('its head names no version or no columns')
  if (names.length !== most + 1) throw wrong(`it names ${names.length} columns and says that there are ${most + 1}`)
  const trees = line('tree_sizes')?.split(' ').map(Number) ?? []
  if (trees.some((size) => !(size > 0)) || trees.reduce((sum, size) => sum + size, 0) > source.sizeBytes)
    throw wrong('its trees are said to be larger than the file')
  const kind = objective?.split(' ')[0] ?? null
  // LightGBM calls columns without names Column_0, Column_1, …
  const isNamed = names.some((name, i) => name !== `Column_${i}`)
  return {
    format: 'lightgbm',
    file: source.path,
    marked: null,
    algorithm: `lightgbm (${shown(objective ?? 'objective not stated')})`,
    task:
      kind === null
        ? null
        : kind === 'binary'
          ? 'binary'
          : kind.startsWith('multiclass')
            ? 'multiclass'
            : regression.test(kind)
              ? 'regression'
              : null,
    classes: numbered(kind === 'binary' ? 2 : kind?.startsWith('multiclass') ? Number(line('num_class')) : 0),
    columns: isNamed ? names.map((name) => ({ name, type: null })) : null,
    width: names.length,
    facts: {
      objective,
      numClass: Number(line('num_class')) || 1,
      trees: trees.length,
      categories: categoriesIn(line('feature_infos')),
    },
    notes: kind === 'binary' || kind?.startsWith('multiclass') ? [numberedNote] : [],
  }
}

const regression = /^(regression|l1|l2|huber|fair|poisson|quantile|mape|gamma|tweedie|lambdarank|rank_xendcg)/

/** How many columns hold categories by number: their range is a list, `1:2:5`, instead of `[0:1]`. */
const categoriesIn = (infos: string | null): number =>
  infos?.split(' ').filter((info) => /^-?\d+(:-?\d+)*$/.test(info)).length ?? 0

/** CatBoost's own binary: the letters CBM1, the length of its core, then the core. */
export async function inspectCatboost(source: ByteSource): Promise<Found> {
  const wrong = (why: string) =>
    invalidInput(`"${source.path}" is no CatBoost model that can be read: ${why}.`, { file: source.path })
  if (source.sizeBytes < 16) throw wrong('it is cut off')
  const head = await source.read(0, 12)
  const core = head.readUInt32LE(4)
  if (core < 8 || core + 8 > source.sizeBytes) throw wrong('its core is said to be larger than the file')
  // A flatbuffer begins with the place of its root, which lies within it.
  if (head.readUInt32LE(8) + 4 > core) throw wrong('its core does not hold together')
  return {
    format: 'catboost',
    file: source.path,
    marked: null,
    algorithm: 'catboost',
    task: null,
    classes: null,
    columns: null,
    width: null,
    facts: { coreBytes: core },
    notes: ['What it was trained for is read in the sandbox.'],
  }
}
