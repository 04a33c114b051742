import { preconditionFailed } from '../../kernel/errors.ts'
import { outputPlaces } from '../../ports/inference/signature.ts'
import { parquet } from '../../ports/tables/sql.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import type { Signature } from '../registry/schema.ts'

/** How far two sets of answers are apart that are neither classes nor one number a row: groups, scores, places, topics. */
export interface OutputDifferences {
  rows: number
  flips: number
  /** Of a number's size, where that is above 1. */
  maxDiff: number
}

const unjudged: ReadonlySet<string> = new Set([
  'clustering',
  'anomaly',
  'projection',
  'topics',
  'embedding',
  'tokens',
  'seq2seq',
  'transcription',
  'diarisation',
  'detection',
  'segmentation',
  'generation',
])

/** Places in space decide nothing, nor does how likely a text is. */
const undecided: ReadonlySet<string> = new Set(['projection', 'embedding', 'generation'])

/** Tasks whose answer is no number: of places in an image their text is kept and how good they are, of texts to go on from how unlikely they are. */
const numberOf: Readonly<Record<string, string>> = { detection: 'score', segmentation: 'score', generation: 'nll' }

/** Whether the answers of a model are neither right nor wrong by row: it learnt without a target, or writes what may be more or less right. */
export const isUnjudgedByRow = ({ task }: Signature): boolean => unjudged.has(task)

/** Compares the outputs that a signature names, row by row, within the database that reads the files. */
export async function outputDifferences(
  tables: Tables,
  { a, b, signature }: { a: string; b: string; signature: Signature },
): Promise<OutputDifferences> {
  // Of marked texts the marks are compared, not the tag of each token.
  const number = numberOf[signature.task]
  const places = signature.task === 'tokens' ? [] : number ? [{ name: number, width: 1 }] : outputPlaces(signature)
  const columns = places.flatMap(({ name, width }) =>
    name === 'cluster' ? [] : width === 1 ? [name] : Array.from({ length: width }, (_, k) => `${name}_${k}`),
  )
  const apart = columns.map((column) => {
    const [one, other] = [`CAST(a."${column}" AS DOUBLE)`, `CAST(b."${column}" AS DOUBLE)`]
    return `max(abs(${one} - ${other}) / greatest(1, abs(${one})))`
  })
  const decided = undecided.has(signature.task) ? '0' : 'count(*) FILTER (a.predicted IS DISTINCT FROM b.predicted)'
  const [part] = await tables.run({
    files: [a, b],
    quick: true,
    statements: [
      {
        sql: `SELECT count(*), ${decided}, ${apart.length > 0 ? `greatest(${apart.join(', ')})` : '0'}
          FROM ${parquet(a)} a JOIN ${parquet(b)} b ON a.__row = b.__row`,
      },
    ],
  })
  const [rows, flips, maxDiff] = part!.rows[0] ?? []
  if (!Number(rows)) throw preconditionFailed('The two versions have no sealed row in common.', {})
  return { rows: Number(rows), flips: Number(flips), maxDiff: Number(maxDiff ?? 0) }
}
