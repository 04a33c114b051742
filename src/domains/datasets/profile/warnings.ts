import type * as z from 'zod'
import { copyColumn, measuredNames } from '../media/column-names.ts'
import { isMediaColumn } from '../media/lay-items.ts'
import type { Column, Profile, Warning as WarningSchema } from '../schema.ts'

export type Warning = z.output<typeof WarningSchema>

const percent = (share: number) => `${(100 * share).toFixed(share < 0.01 || share > 0.99 ? 2 : 1)} %`

/** What somebody should look at before training, each in a sentence, the serious first. */
export function warningsOf(
  profile: Omit<Profile, 'warnings' | 'seconds' | 'createdAt'>,
  columns: readonly Column[],
  limited: { correlations: number },
): Warning[] {
  const found = [
    ...profile.columns.filter(({ name }) => !isOfFiles(name, columns)).flatMap((column) => columnWarnings(column, profile.rows)),
    ...columns.flatMap(personalData),
    ...tableWarnings(profile),
    ...targetWarnings(profile),
  ]
  if (limited.correlations > 0)
    found.push({
      code: 'correlations_limited',
      severity: 'info',
      column: null,
      message: `${limited.correlations} columns are not in the correlation matrix, which takes the first 40 numeric and 20 categorical ones.`,
      facts: limited,
    })
  const weight = { serious: 0, warning: 1, info: 2 }
  return found.sort((a, b) => weight[a.severity] - weight[b.severity])
}

/** What files of images and recordings say of themselves is no feature: that all are of one size is no fault. */
const isOfFiles = (name: string, columns: readonly Column[]) =>
  columns.some(isMediaColumn) &&
  (measuredNames.has(name) || name === copyColumn || columns.some((column) => column.name === name && isMediaColumn(column)))

function columnWarnings(column: Profile['columns'][number], rows: number): Warning[] {
  const found: Warning[] = []
  const say = (code: string, severity: Warning['severity'], message: string, facts: Record<string, unknown> = {}) =>
    found.push({ code, severity, column: column.name, message, facts })
  const missing = rows > 0 ? column.missing / rows : 0
  if (column.count === 0) say('all_missing', 'serious', `Column "${column.name}" holds no value at all.`)
  else if (column.constant)
    say(
      'constant',
      'warning',
      `Column "${column.name}" is "${column.top[0]?.value ?? ''}" in every row that has it: it tells nothing.`,
    )
  else if (column.nearConstant)
    say(
      'near_constant',
      'info',
      `Column "${column.name}" is "${column.top[0]?.value}" in ${percent((column.top[0]?.count ?? 0) / column.count)} of its rows.`,
      { share: (column.top[0]?.count ?? 0) / column.count },
    )
  if (column.count > 0 && missing > 0.2)
    say(
      'high_missing',
      missing > 0.6 ? 'serious' : 'warning',
      `Column "${column.name}" is missing in ${percent(missing)} of the rows.`,
      { share: missing },
    )
  if (column.type === 'id')
    say('identifier', 'info', `Column "${column.name}" is different in every row, like a key. It is not offered to models.`)
  if (column.type === 'category' && column.distinct > 100 && column.distinct > 0.2 * column.count)
    say(
      'high_cardinality',
      'warning',
      `Column "${column.name}" has ${column.distinct} different values in ${column.count} rows: most are too rare to learn from.`,
      { distinct: column.distinct },
    )
  const { numeric } = column
  if (numeric) {
    const outliers = (numeric.outliers.low + numeric.outliers.high) / Math.max(1, column.count)
    // Where half of the values are the same, every other one would count.
    if (outliers > 0.05 && numeric.quantiles.p75 > numeric.quantiles.p25)
      say('outliers', 'info', `${percent(outliers)} of "${column.name}" lie ${numeric.outliers.rule}.`, { share: outliers })
    if (numeric.skewness !== null && Math.abs(numeric.skewness) > 3)
      say(
        'skewed',
        'info',
        `Column "${column.name}" is very lopsided (skewness ${numeric.skewness.toFixed(1)}); a logarithm may help linear models.`,
        { skewness: numeric.skewness },
      )
  }
  return found
}

const personalData = ({ name, personalData: found }: Column): Warning[] =>
  found
    ? [
        {
          code: 'personal_data',
          severity: 'warning',
          column: name,
          message: `Column "${name}" may hold personal data (${found.kind.replace('_', ' ')}): ${found.why}. Drop or pseudonymise it if it is not needed.`,
          facts: { kind: found.kind },
        },
      ]
    : []

function tableWarnings({ rows, duplicateRows, columns }: Pick<Profile, 'rows' | 'duplicateRows' | 'columns'>): Warning[] {
  const found: Warning[] = []
  if (duplicateRows > 0)
    found.push({
      code: 'duplicate_rows',
      severity: duplicateRows > 0.05 * rows ? 'warning' : 'info',
      column: null,
      message: `${duplicateRows} of ${rows} rows repeat an earlier row (${percent(duplicateRows / rows)}).`,
      facts: { rows: duplicateRows },
    })
  if (rows < 100)
    found.push({
      code: 'few_rows',
      severity: 'warning',
      column: null,
      message: `${rows} rows are very few: every figure of a model will be uncertain.`,
      facts: { rows },
    })
  if (columns.length > rows)
    found.push({
      code: 'more_columns_than_rows',
      severity: 'warning',
      column: null,
      message: `There are more columns (${columns.length}) than rows (${rows}): simple models and few columns will do better.`,
      facts: {},
    })
  return found
}

function targetWarnings({ target, columns, rows }: Pick<Profile, 'target' | 'columns' | 'rows'>): Warning[] {
  if (!target) return []
  const found: Warning[] = []
  const own = columns.find(({ name }) => name === target.column)!
  if (own.missing > 0)
    found.push({
      code: 'target_missing',
      severity: 'warning',
      column: target.column,
      message: `The target "${target.column}" is missing in ${own.missing} of ${rows} rows; these rows cannot be used for training.`,
      facts: { missing: own.missing },
    })
  const rarest = target.classes.at(-1)
  const total = target.classes.reduce((sum, { count }) => sum + count, 0)
  if (rarest && target.classes.length > 1 && rarest.count / total < 0.2 / Math.max(1, target.classes.length / 2)) {
    const share = rarest.count / total
    found.push({
      code: 'imbalance',
      severity: share < 0.02 ? 'serious' : share < 0.1 ? 'warning' : 'info',
      column: target.column,
      message: `The class "${rarest.value}" of "${target.column}" is rare: ${rarest.count} of ${total} rows (${percent(share)}). Accuracy alone will mislead.`,
      facts: { share, count: rarest.count },
    })
  }
  for (const { name, target: relation } of columns)
    if (relation && Math.abs(relation.value) > 0.98)
      found.push({
        code: 'leak_suspect',
        severity: 'serious',
        column: name,
        message: `Column "${name}" gives the target "${target.column}" away almost completely (${relation.measure.replaceAll('_', ' ')} ${relation.value.toFixed(3)}). Is it known before the outcome?`,
        facts: { value: relation.value },
      })
  return found
}
