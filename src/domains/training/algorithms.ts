import type * as z from 'zod'
import { invalidInput } from '../../kernel/errors.ts'
import { type Family, families, type RuntimeName, runtimeNames } from '../../ports/engines/runtimes.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Column } from '../datasets/schema.ts'
import type { Task } from '../goals/schema.ts'
import type { AlgorithmInfo } from './schema.ts'

export type Algorithm = z.infer<typeof AlgorithmInfo>

/** The algorithms that the engines know. Each family's own file is the one description of them. */
export async function readAlgorithms({ files, enginesFolder }: { files: Files; enginesFolder: string }): Promise<Algorithm[]> {
  const known: Algorithm[] = []
  for (const family of families) {
    const path = `atoll_engines/${family}/algorithms.json`
    if (!(await files.exists(enginesFolder, path))) continue
    const { algorithms } = (await files.readJson(enginesFolder, path)) as { algorithms: Partial<Algorithm>[] }
    for (const one of algorithms) known.push({ family, runtime: 'tabular', needs: [], auto: true, ...one } as Algorithm)
  }
  return known
}

const familyOfTask: Partial<Record<Task, Family>> = {
  clustering: 'unsupervised',
  anomaly: 'unsupervised',
  projection: 'unsupervised',
  topics: 'unsupervised',
  embedding: 'unsupervised',
  forecast: 'forecast',
  tokens: 'text',
  seq2seq: 'text',
  detection: 'image',
  segmentation: 'image',
  transcription: 'audio',
  diarisation: 'audio',
  generation: 'language',
}

/** Which engines a request is for: those of the algorithms it names, else those that its task and the types of its columns ask for. */
export function engineFor(
  known: readonly Algorithm[],
  asked: readonly string[],
  { task, columns, options }: { task: Task; columns: readonly Pick<Column, 'name' | 'type'>[]; options: Record<string, unknown> },
): { family: Family; runtime: RuntimeName } {
  const named = asked.filter((name) => name !== 'auto').map((name) => algorithmOf(known, name, task))
  const other = named.find((one) => one.family !== named[0]!.family)
  if (other)
    throw invalidInput(
      `${named[0]!.title} and ${other.title} learn from different kinds of data (${named[0]!.family}, ${other.family}), so they cannot compete in one training. Ask for two.`,
      { field: 'algorithms', algorithm: other.name },
    )
  const family = named[0]?.family ?? familyOfTask[task] ?? familyOfColumns(columns)
  const competing =
    named.length > 0 && !asked.includes('auto')
      ? named
      : [...named, ...known.filter((one) => one.family === family && one.auto && one.tasks.includes(task))]
  if (competing.length === 0)
    throw invalidInput(`No algorithm of this version can do a ${task} task on ${family} data.`, { field: 'task', task, family })
  for (const { title, needs } of competing)
    for (const type of needs)
      if (!columns.some((column) => column.type === type))
        throw invalidInput(`${title} needs a column of type ${type}, and this data set has none.`, { field: 'algorithms', type })
  const { runtime } = options
  if (runtime !== undefined && !isRuntime(runtime))
    throw invalidInput(`There is no runtime "${String(runtime).slice(0, 60)}"; there are ${runtimeNames.join(', ')}.`, {
      field: 'options.runtime',
    })
  const parts = partsOf(options).flatMap((name) => known.filter((one) => one.name === name && one.family === family))
  const runtimes = new Set<RuntimeName>([...competing, ...parts].map((one) => one.runtime))
  if (runtime !== undefined) runtimes.add(runtime)
  return { family, runtime: runtimeNames.findLast((name) => runtimes.has(name)) ?? 'tabular' }
}

const isRuntime = (name: unknown): name is RuntimeName => (runtimeNames as readonly unknown[]).includes(name)

/** Algorithms that an ensemble is made of: its members, its meta model, the base of its bags. */
const partsOf = ({ members, meta, base }: Record<string, unknown>): unknown[] => [
  ...(Array.isArray(members) ? members : []),
  meta,
  base,
]

const familyOfColumns = (columns: readonly { type: string }[]): Family =>
  columns.some(({ type }) => type === 'image') ? 'image' : columns.some(({ type }) => type === 'audio') ? 'audio' : 'tabular'

function algorithmOf(known: readonly Algorithm[], name: string, task: Task): Algorithm {
  const algorithm = known.find((one) => one.name === name)
  if (algorithm?.tasks.includes(task)) return algorithm
  const fitting = known.filter((one) => one.tasks.includes(task)).map((one) => one.name)
  throw invalidInput(
    algorithm
      ? `${algorithm.title} cannot do a ${task} task. These can: ${fitting.join(', ')}.`
      : `There is no algorithm "${name}". For a ${task} task there are: ${fitting.join(', ')}.`,
    { field: 'algorithms', algorithm: name, task },
  )
}
