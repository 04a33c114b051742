import { newId } from '../../../kernel/ids.ts'
import type { Files } from '../../../ports/files/files.ts'
import type { Inference, RawScores } from '../../../ports/inference/inference.ts'
import { labelIndex } from '../../../ports/inference/label.ts'
import { outputPlaces, shapeOf } from '../../../ports/inference/signature.ts'
import { identifier, parquet } from '../../../ports/tables/sql.ts'
import type { Tables } from '../../../ports/tables/tables.ts'
import { refuseNotAskedAlone } from '../../registry/asked-alone.ts'
import type { ModelVersion, Signature } from '../../registry/schema.ts'

export interface AskNeeds {
  files: Files
  tables: Tables
  inference: Pick<Inference, 'load' | 'loadPython' | 'openEncoder'>
  registry: { layPackage(versionId: string, folder: string, options?: { sandboxOnly?: boolean }): Promise<void> }
}

/** A version as it would serve, asked row by row. */
export interface AskedVersion {
  signature: Signature
  /** Raw rows as the table has them. */
  ask(rows: readonly Record<string, unknown>[]): Promise<RawScores>
  close(): Promise<void>
}

/** Loads a version beside what serves, from its own package and through the serving code. */
export async function openVersion(
  { files, inference, registry }: AskNeeds,
  version: Pick<ModelVersion, 'id' | 'signature' | 'manifest'>,
  folder: string,
): Promise<AskedVersion> {
  refuseNotAskedAlone(version, 'a loop cannot judge it')
  const signature = lenient(version.signature)
  const { kind, trust, engine } = version.manifest
  const isPython = kind === 'python'
  const place = await files.makeFolder(folder, newId('req'))
  await registry.layPackage(version.id, place, { sandboxOnly: isPython })
  const model = isPython
    ? await inference.loadPython({ folder: place, signature: version.signature, engine })
    : await inference.load(
        { file: files.resolvePath(place, 'model.onnx'), ...shapeOf(version.signature), trust },
        { apart: true },
      )
  try {
    const encoder = await inference.openEncoder({ folder: place, signature, trust, served: isPython ? 'python' : 'onnx' })
    const names = signature.inputs.map(({ name }) => name)
    return {
      signature: version.signature,
      // A row may hold columns that only the other version reads.
      ask: async (rows) =>
        model.predict(
          (await encoder.encode(rows.map((row) => Object.fromEntries(names.map((name) => [name, row[name]]))))).batch,
        ),
      async close() {
        await encoder.close?.()
        await model.close()
        await files.remove(place)
      },
    }
  } catch (error) {
    await model.close()
    throw error
  }
}

/** Live rows may lack what training always had, and hold fractions where there were whole numbers. */
const lenient = (signature: Signature): Signature => ({
  ...signature,
  inputs: signature.inputs.map((input) => ({ ...input, nullable: true, type: input.type === 'integer' ? 'number' : input.type })),
})

/** A file of an input as a row names it; nothing where there is none any more. */
export type FileOf = (named: string) => Promise<Uint8Array | null>

const rowsAtOnce = 500
/** Images and sounds are held whole. */
const filesAtOnce = 16

/** The rows of a Parquet file as the given versions read them, with further columns; a batch at a time, in the order of a column. */
export async function* readRows(
  tables: Tables,
  about: {
    table: string
    signatures: readonly Signature[]
    more: readonly string[]
    order: string
    /** Opens images and sounds: rows whose file is not there are left out. */
    file?: FileOf
    folder: string
    signal?: AbortSignal
  },
): AsyncGenerator<{ rows: Record<string, unknown>[]; more: unknown[][] }> {
  const inputs = new Map(about.signatures.flatMap(({ inputs }) => inputs.map((input) => [input.name, input] as const)))
  const names = [...inputs.keys()]
  const media = [...inputs.values()].filter(isFile).map(({ name }) => names.indexOf(name))
  const atOnce = media.length > 0 ? filesAtOnce : rowsAtOnce
  const read = [...[...inputs.values()].map(asRead), ...about.more].join(', ')
  for (let from = 0; ; from += atOnce) {
    const [page] = await tables.run({
      files: [about.table],
      quick: true,
      signal: about.signal,
      statements: [{ sql: `SELECT ${read} FROM ${parquet(about.table)} ORDER BY ${about.order} LIMIT ${atOnce} OFFSET ${from}` }],
    })
    const found = media.length > 0 ? await withFiles(page!.rows, media, about.file!) : page!.rows
    if (found.length > 0)
      yield {
        rows: found.map((values) => Object.fromEntries(names.map((name, i) => [name, values[i]]))),
        more: found.map((values) => values.slice(names.length)),
      }
    if (page!.rows.length < atOnce) return
  }
}

const isFile = ({ tensor }: Signature['inputs'][number]): boolean => tensor === 'image' || tensor === 'audio'

async function withFiles(rows: unknown[][], media: readonly number[], file: FileOf): Promise<unknown[][]> {
  const opened = await Promise.all(
    rows.map(async (values) => {
      const whole = [...values]
      for (const at of media) whole[at] = values[at] === null ? null : await file(String(values[at]))
      return whole
    }),
  )
  return opened.filter((values) => media.every((at) => values[at] !== null))
}

/** What is no number, or an infinite one, is missing; a label is text whatever its type. */
function asRead({ name, type, tensor }: Signature['inputs'][number]): string {
  const column = identifier(name)
  if (tensor !== 'numbers') return `${column}::VARCHAR AS ${column}`
  if (type !== 'number' && type !== 'integer') return column
  const number = `TRY_CAST(${column} AS DOUBLE)`
  return `CASE WHEN isfinite(${number}) THEN ${number} END AS ${column}`
}

/** What a version said of one row: the probability of each class and the label, or a number. */
export interface Said {
  probabilities: number[]
  label: string | null
  value: number
}

export function saidOf(signature: Signature, { values, width }: RawScores, row: number): Said {
  const { offset } = outputPlaces(signature).find(({ name }) => name === 'probabilities' || name === 'prediction') ?? {
    offset: 0,
  }
  const at = row * width + offset
  if (!signature.classes) return { probabilities: [], label: null, value: values[at]! }
  return {
    probabilities: signature.classes.map((_, k) => values[at + k]!),
    label: signature.classes[labelIndex(signature, values, at)]!,
    value: Number.NaN,
  }
}
