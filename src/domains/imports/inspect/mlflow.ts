import { parseDocument } from 'yaml'
import { invalidInput } from '../../../kernel/errors.ts'
import { type ByteSource, shown, textOf } from './byte-source.ts'
import type { Found } from './found.ts'
import { objectOf } from './xgboost.ts'

const mostBytes = 2 ** 20

export interface MlflowFacts {
  /** The flavour whose library answers, and its file or folder within the model. */
  flavour: string
  path: string
  columns: Found['columns']
  target: string | null
  facts: Record<string, unknown>
}

/** Where each flavour keeps its model. */
const places: Record<string, readonly string[]> = {
  onnx: ['data', 'model.onnx'],
  xgboost: ['data', 'model.xgb'],
  lightgbm: ['data', 'model.lgb'],
  catboost: ['data', 'model.cb'],
  sklearn: ['pickled_model', 'model.pkl'],
  transformers: ['model_binary', 'model'],
  pytorch: ['model_data', 'data'],
}

/** Reads the file `MLmodel` of a folder: the flavours, the signature. Tags that would make objects are refused. */
export async function readMlmodel(source: ByteSource): Promise<MlflowFacts> {
  const wrong = (why: string) => invalidInput(`"${source.path}" cannot be read: ${why}.`, { file: source.path })
  const document = parseDocument(await textOf(source, mostBytes), { schema: 'core', merge: false, uniqueKeys: true })
  const [problem] = [...document.errors, ...document.warnings]
  if (problem) throw wrong(shown(problem.message.split('\n')[0] ?? 'it is not YAML'))
  let said: Record<string, unknown>
  try {
    said = objectOf(document.toJS({ maxAliasCount: 20 }))
  } catch (error) {
    throw wrong(shown((error as Error).message))
  }
  const flavours = objectOf(said.flavors)
  const names = Object.keys(flavours)
  const flavour = Object.keys(places).find((name) => name in flavours)
  if (!flavour)
    throw invalidInput(
      `The MLflow model has ${names.length === 0 ? 'no flavour' : `the flavours ${names.map(shown).join(', ')}`}; one of ${Object.keys(places).join(', ')} can be brought. Models that are programs of your own run as scripts.`,
      { file: source.path, flavours: names.slice(0, 20).map(shown) },
    )
  const [key, usual] = places[flavour] as [string, string]
  const given = objectOf(flavours[flavour])[key]
  const path = typeof given === 'string' ? given : usual
  if (/^[/\\]|\\|\0/.test(path) || path.split('/').includes('..'))
    throw wrong(`its flavour ${flavour} names "${shown(path)}", outside of the folder`)
  const signature = objectOf(said.signature)
  return {
    flavour,
    path,
    columns: columnsIn(signature.inputs, wrong),
    target: targetIn(signature.outputs),
    facts: {
      flavours: names.slice(0, 20),
      mlflowVersion: said.mlflow_version ?? null,
      modelUuid: said.model_uuid ?? said.model_id ?? null,
      createdAt: said.utc_time_created ?? null,
    },
  }
}

const types: Record<string, string> = {
  double: 'number',
  float: 'number',
  long: 'integer',
  integer: 'integer',
  boolean: 'boolean',
  string: 'category',
  datetime: 'datetime',
}

function listIn(text: unknown): Record<string, unknown>[] | null {
  if (typeof text !== 'string') return null
  try {
    const found: unknown = JSON.parse(text)
    return Array.isArray(found) ? found.slice(0, 20_000).map(objectOf) : null
  } catch {
    return null
  }
}

function columnsIn(inputs: unknown, wrong: (why: string) => Error): Found['columns'] {
  const list = listIn(inputs)
  if (!list?.every(({ name }) => typeof name === 'string')) return null
  const names = list.map(({ name }) => name as string)
  if (new Set(names).size < names.length) throw wrong('its signature names a column twice')
  return list.map(({ name, type }) => ({ name: name as string, type: types[String(type)] ?? null }))
}

function targetIn(outputs: unknown): string | null {
  const list = listIn(outputs)
  return list?.length === 1 && typeof list[0]!.name === 'string' ? list[0]!.name : null
}
