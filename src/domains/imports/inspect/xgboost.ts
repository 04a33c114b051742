import { invalidInput } from '../../../kernel/errors.ts'
import { type ByteSource, jsonOf, shown } from './byte-source.ts'
import type { Found } from './found.ts'
import { readUbjson } from './ubjson.ts'

const mostBytes = 256 * 2 ** 20

/** XGBoost's JSON, or its binary form of the same (UBJSON). */
export function looksLikeXgboost(head: Buffer): 'json' | 'ubj' | null {
  const text = head.toString('latin1')
  if (/^\s*\{\s*"(learner|version)"/.test(text)) return 'json'
  // The first key: its length in one of the widths of whole numbers, then the key.
  return /^\{[iUIlL][\0-\x20]{1,8}(learner|version)/.test(text) ? 'ubj' : null
}

/** What an XGBoost model says of itself. */
export async function inspectXgboost(source: ByteSource, kind: 'json' | 'ubj'): Promise<Found> {
  const wrong = (why: string) =>
    invalidInput(`"${source.path}" is no XGBoost model that can be read: ${why}.`, { file: source.path })
  if (source.sizeBytes > mostBytes) throw wrong(`it has more than ${mostBytes / 2 ** 20} MB`)
  const model = kind === 'json' ? await jsonOf(source, mostBytes) : readUbjson(await source.read(0, source.sizeBytes), wrong)
  const learner = objectOf(objectOf(model).learner)
  const objective = objectOf(learner.objective).name
  const booster = objectOf(learner.gradient_booster).name
  const about = objectOf(learner.learner_model_param)
  if (typeof objective !== 'string' || typeof booster !== 'string') throw wrong('it has no learner with an objective')
  const names = strings(learner.feature_names)
  const types = strings(learner.feature_types)
  const width = Number(about.num_feature)
  const classes = Number(about.num_class)
  return {
    format: 'xgboost',
    file: source.path,
    marked: null,
    algorithm: `xgboost (${shown(booster)}, ${shown(objective)})`,
    task: taskOf(objective),
    classes: numbered(objective.startsWith('binary:') ? 2 : objective.startsWith('multi:') ? classes : 0),
    columns: names.length > 0 ? names.map((name, i) => ({ name, type: columnTypes[types[i] ?? ''] ?? null })) : null,
    width: Number.isSafeInteger(width) && width > 0 ? width : null,
    facts: { objective, booster, numClass: Number.isFinite(classes) ? classes : 0, version: objectOf(model).version ?? null },
    notes: /^(binary|multi):/.test(objective) ? [numberedNote] : [],
  }
}

/** Kinds of features, as XGBoost calls them: quantitative, whole, indicator, categorical. */
const columnTypes: Record<string, string> = { q: 'number', float: 'number', int: 'integer', i: 'boolean', c: 'category' }

export const numberedNote = 'Its file names no classes: they are told by their numbers unless you name them.'
/** Classes as the file has them: by number. */
export const numbered = (count: number): string[] | null =>
  count >= 2 && count <= 10_000 ? Array.from({ length: count }, (_, i) => String(i)) : null

function taskOf(objective: string): Found['task'] {
  if (objective.startsWith('binary:')) return 'binary'
  if (objective.startsWith('multi:')) return 'multiclass'
  if (/^(reg:logistic)$/.test(objective)) return null
  return /^(reg|count|survival|rank):/.test(objective) ? 'regression' : null
}

export const objectOf = (value: unknown): Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
export const strings = (value: unknown): string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string') ? value.slice(0, 20_000) : []
