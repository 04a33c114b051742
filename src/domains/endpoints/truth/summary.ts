import type { Tables } from '../../../ports/tables/tables.ts'
import type { Signature } from '../../registry/schema.ts'
import type { CapturedWindow, CaptureFiles } from '../log/captured-sql.ts'
import { rowsWithTruth } from './join.ts'
import type { TruthSummary } from './schema.ts'
import { accuracyOf, type Confusion, f1Of, maeOf } from './scores.ts'
import type { TruthKind } from './values.ts'

type Counted = Pick<TruthSummary, 'captured' | 'labelled' | 'days' | 'variants' | 'score'>

/** How much of what was predicted in a window is known by now, and how right the predictions were. */
export async function summarise(
  tables: Tables,
  about: {
    captures: CaptureFiles
    window: CapturedWindow
    key: string | null
    folder: string
    signature: Signature
    kind: TruthKind
  },
): Promise<Counted> {
  const { captures, folder, signature, kind } = about
  const known = kind.toColumn('truth')
  const number = `TRY_CAST((prediction ->> '/value') AS DOUBLE)`
  // One reading of the captured rows, whatever is asked of them.
  const facts =
    kind.score === 'classes'
      ? `prediction ->> '/label' AS said, ${known} AS known`
      : kind.score === 'numbers'
        ? `abs(${number} - ${known}) AS error`
        : '1 AS nothing'
  const make = `CREATE TEMP TABLE facts AS SELECT id, "at", strftime(make_timestamp("at" * 1000), '%Y-%m-%d') AS day, variant, truth IS NOT NULL AS is_known, ${facts}
    FROM (${rowsWithTruth(captures, about)})`
  const score =
    kind.score === 'classes'
      ? 'SELECT known, said, count(*) FROM facts WHERE is_known AND said IS NOT NULL GROUP BY ALL LIMIT 100000'
      : kind.score === 'numbers'
        ? 'SELECT count(error), avg(error), stddev_samp(error) FROM facts WHERE is_known AND isfinite(error)'
        : 'SELECT NULL LIMIT 0'
  const counts = 'count(*), count(*) FILTER (WHERE is_known)'
  // A request that was repeated under its key has the ids that it had: of each, the first answer counts.
  const once = `DELETE FROM facts WHERE rowid IN (SELECT rowid FROM facts WHERE id IN (SELECT id FROM facts GROUP BY id HAVING count(*) > 1)
    QUALIFY row_number() OVER (PARTITION BY id ORDER BY "at") > 1)`
  const [, , total, days, variants, scored] = await tables.run({
    folders: [captures.folder, folder],
    scratch: folder,
    statements: [
      { sql: make },
      { sql: once },
      { sql: `SELECT ${counts} FROM facts` },
      { sql: `SELECT day, ${counts} FROM facts GROUP BY day ORDER BY day` },
      { sql: `SELECT variant, ${counts} FROM facts GROUP BY variant ORDER BY variant` },
      { sql: score },
    ],
  })
  const [captured, labelled] = total!.rows[0] as [number, number]
  return {
    captured,
    labelled,
    days: days!.rows.map(([day, all, some]) => ({ day: String(day), captured: Number(all), labelled: Number(some) })),
    variants: variants!.rows.map(([variant, all, some]) => ({
      variant: String(variant),
      captured: Number(all),
      labelled: Number(some),
    })),
    score: scoreOf(kind, signature, scored!.rows),
  }
}

function scoreOf(kind: TruthKind, { positive }: Signature, rows: unknown[][]): TruthSummary['score'] {
  if (kind.score === 'classes') {
    const confusion: Confusion = rows.map(([truth, said, count]) => ({
      truth: String(truth),
      said: String(said),
      rows: Number(count),
    }))
    const n = confusion.reduce((sum, cell) => sum + cell.rows, 0)
    return n === 0 ? null : { rows: n, accuracy: accuracyOf(confusion), f1: f1Of(confusion, positive) }
  }
  const [n, mean, deviation] = (rows[0] ?? [0]) as [number, number | null, number | null]
  if (!n || mean === null) return null
  return { rows: n, mae: maeOf({ rows: n, mean, deviation: deviation ?? 0 }) }
}
