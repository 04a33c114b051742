import { preconditionFailed } from '../../kernel/errors.ts'
import type { BlobStore } from '../../ports/blobs/blob-store.ts'
import { parquet } from '../../ports/tables/sql.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import type { Predictions } from '../evaluation/statistics/predictions.ts'
import type { ModelVersion } from '../registry/schema.ts'
import { type Answer, judgedAnswers } from './answers.ts'

const mostRows = 20_000

/** What the version said of the sealed rows, and what was true of them. */
export async function readSealed(
  { tables, blobs }: { tables: Tables; blobs: BlobStore },
  { version, sha256, folder, signal }: { version: ModelVersion; sha256: string | null; folder: string; signal: AbortSignal },
): Promise<Predictions> {
  const { signature } = version
  if (sha256 === null)
    throw preconditionFailed(
      `${version.modelName}:${version.number} was not judged on sealed rows here, so there is nothing to hold its answers against.`,
      { version: version.id },
    )
  const file = `${folder}/sealed.parquet`
  await blobs.materialise(sha256, file)
  const { classes } = signature
  const said = classes ? ['predicted', ...classes.map((_, k) => `p_${k}::DOUBLE`)] : ['prediction::DOUBLE']
  const [found] = await tables.run({
    folders: [folder],
    signal,
    statements: [
      { sql: `SELECT actual, ${said.join(', ')} FROM ${parquet(file)} ORDER BY hash(__row), __row LIMIT ${mostRows}` },
    ],
  })
  const answers = found!.rows.map(([truth, ...answer]): Answer => {
    if (!classes) return { said: { value: answer[0] as number }, truth: truth as number }
    const probabilities = Object.fromEntries(classes.map((name, k) => [name, answer[k + 1] as number]))
    return { said: { label: String(answer[0]), probabilities }, truth: String(truth) }
  })
  return judgedAnswers(signature, answers)
}
