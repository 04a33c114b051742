import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import type { Atoll, Explanation, GradientExplanation } from '../../index.ts'
import { connect, parseNumber, UsageError } from '../context.ts'
import { csvCell, readRows, typedRow } from '../files.ts'
import { round, table } from '../print.ts'
import { answer } from '../run.ts'

const rowsPerCall = 20

export function explainCommands(program: Command): void {
  program
    .command('explain <endpoint>')
    .description('why an endpoint answers as it does for rows of a CSV or JSON file')
    .requiredOption('--rows <file>')
    .option(
      '--method <method>',
      'auto, exact, permutation, kernel, linear, tree or lime; of networks integrated_gradients or expected_gradients',
      'auto',
    )
    .option('--scale <scale>', 'answer or log_odds', 'answer')
    .option('--output <class>', 'the class to explain')
    .option('--top <columns>', 'only the columns that matter most', parseNumber)
    .option('--out <file>', 'write a CSV (a contribution a line) or JSON file')
    .action((name: string, options) =>
      answer(async () => {
        const atoll = connect()
        const { signature } = await atoll.endpoints.get(name)
        const { rows: given, decimalComma } = await readRows(options.rows)
        const rows = given.map((row) => typedRow(row, signature.inputs, { decimalComma }))
        if (rows.length === 0) throw new UsageError(`"${options.rows}" holds no rows.`)
        const { method, scale, output, top } = options
        if (method === 'integrated_gradients' || method === 'expected_gradients')
          return byGradients(atoll, name, rows, { method, output, out: options.out })
        const explanations: Explanation[] = []
        for (let i = 0; i < rows.length; i += rowsPerCall) {
          const part = rows.slice(i, i + rowsPerCall)
          explanations.push(...(await atoll.endpoints.explain(name, part, { method, scale, output, top })).explanations)
        }
        if (options.out)
          await writeFile(options.out, /\.json$/i.test(options.out) ? JSON.stringify(explanations, null, 2) : asCsv(explanations))
        return {
          json: { endpoint: name, rows: rows.length, explanations, ...(options.out ? { file: options.out } : {}) },
          text: options.out
            ? `${explanations.length} explanations written to ${options.out}`
            : explanations.slice(0, 10).map(describe).join('\n\n'),
        }
      }),
    )
}

/** The network itself is asked, a few rows at a time; texts come word by word, images by region, so the whole is JSON. */
async function byGradients(
  atoll: Atoll,
  endpoint: string,
  rows: Record<string, unknown>[],
  { out, ...how }: { method: 'integrated_gradients' | 'expected_gradients'; output?: string; out?: string },
) {
  const explanations: GradientExplanation[] = []
  for (let i = 0; i < rows.length; i += rowsPerCall)
    explanations.push(
      ...(await atoll.endpoints.gradients(endpoint, { ...how, rows: rows.slice(i, i + rowsPerCall) })).explanations,
    )
  if (out) await writeFile(out, JSON.stringify(explanations, null, 2))
  const described = explanations.slice(0, 10).map((one, row) => {
    const parts = (
      one.contributions ?? (one.words ?? []).map(({ text, contribution }) => ({ column: text, value: '', contribution }))
    )
      .filter((part): part is { column: string; value: unknown; contribution: number } => part.contribution !== null)
      .sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution))
      .slice(0, 12)
    const what = one.output === null ? 'answer' : `answer of "${one.output}"`
    return `Row ${row + 1}: ${what} ${round(one.answer, 4)}, from ${round(one.base, 4)}\n${table(
      ['part', 'value', 'contribution'],
      parts.map(({ column, value, contribution }) => [column, value, signed(contribution)]),
    )}`
  })
  return {
    json: { endpoint, rows: rows.length, explanations, ...(out ? { file: out } : {}) },
    text: out ? `${explanations.length} explanations written to ${out}` : described.join('\n\n'),
  }
}

function describe(one: Explanation, row: number): string {
  const scale = one.scale === 'answer' ? 'answer' : one.scale === 'log_odds' ? 'log odds' : 'margin'
  const what = one.output === null ? scale : `${scale} of "${one.output}"`
  const parts = one.contributions.slice(0, 12).map(({ column, value, contribution }) => [column, value, signed(contribution)])
  const rest = one.rest + one.contributions.slice(12).reduce((sum, { contribution }) => sum + contribution, 0)
  const lines = [...parts, ...(Math.abs(rest) > 0 ? [['(others)', '', signed(rest)]] : [])]
  return `Row ${row + 1}: ${what} ${round(one.answer, 4)}, from a mean of ${round(one.base, 4)}\n${table(['column', 'value', 'contribution'], lines)}`
}

const signed = (value: number): string => `${value >= 0 ? '+' : ''}${value.toPrecision(3)}`

function asCsv(explanations: readonly Explanation[]): string {
  const lines = explanations.flatMap(({ contributions, base, answer: said, output }, row) =>
    contributions.map(({ column, value, contribution, error }) =>
      [row + 1, output, base, said, column, value, contribution, error].map(csvCell).join(','),
    ),
  )
  return `${['row,output,base,answer,column,value,contribution,error', ...lines].join('\n')}\n`
}
