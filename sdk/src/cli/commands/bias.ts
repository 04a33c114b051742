import type { Command } from 'commander'
import type { BiasFacet, BiasReport, DataBiasInput } from '../../types.ts'
import { connect, parseNumber, UsageError } from '../context.ts'
import { round, table } from '../print.ts'
import { answer } from '../run.ts'

export function biasCommands(program: Command): void {
  const bias = program.command('bias').description('how groups of people fare: in the labels, in the predictions')

  asking(bias.command('data <dataset>').description('before training: how the labels are spread over groups'))
    .option('--version <version>', 'version of the data set (the newest when absent)')
    .option('--label <column>', 'the column of outcomes (the target when absent)')
    .action((dataset: string, options) =>
      answer(async () => {
        const report = await connect().bias.data(
          { ...askedOf(options), dataset, version: options.version, label: options.label },
          { project: options.project },
        )
        return { json: report, text: textOf(report) }
      }),
    )

  asking(
    bias.command('model <model>').description('after training: how a version (NAME:VERSION) treats groups, on its sealed rows'),
  )
    .option('--no-flips', 'do not ask the served model about each row with another group')
    .option('--keep', 'keep the report with the version, on its card')
    .action((model: string, options) =>
      answer(async () => {
        const report = await connect().bias.model(
          { ...askedOf(options), model, flips: options.flips, keep: options.keep ?? false },
          { project: options.project },
        )
        return { json: report, text: textOf(report) }
      }),
    )

  bias
    .command('policies')
    .description('what the project demands of its models')
    .option('--project <project>', 'project (id or name)')
    .action((options) =>
      answer(async () => {
        const found = await connect().bias.policies({ project: options.project })
        return {
          json: found,
          text: table(
            ['name', 'demands', 'id'],
            found.items.map((one) => [one.name, one.sentence, one.id]),
          ),
        }
      }),
    )

  bias
    .command('check <model>')
    .description('how a version (NAME:VERSION) stands with the policies that bind it')
    .option('--project <project>', 'project (id or name)')
    .action((model: string, options) =>
      answer(async () => {
        const found = await connect().bias.check(model, { project: options.project })
        const lines = found.items.flatMap(({ name, met, sentences }) => [
          `${name}: ${met ? 'met' : 'not met'}`,
          ...sentences.map((one) => `  ${one}`),
        ])
        return { json: found, text: lines.join('\n') || 'No policy binds this version.' }
      }),
    )
}

/** The options that both kinds of report share. */
function asking(command: Command): Command {
  const collect = (value: string, before: string[]) => [...before, value]
  return command
    .requiredOption(
      '--facet <facet>',
      'sex; "age>=40"; "age:25,40,60" (bins); "sex=personal_status:female=female div/dep/mar|female single:male=male single|male div/sep" (groups of values); repeat for more',
      collect,
      [],
    )
    .option('--cross <facets>', 'cross facets, as sex,age; repeat for more', collect, [])
    .option('--reference <facet=group>', 'the group that the others are compared with ("*": each with all others)', collect, [])
    .option('--favourable <value>', 'the good outcome: a value, or ">=50000" or "<=3"; the positive class when absent')
    .option('--stratum <column>', 'take demographic disparity within the values of this column')
    .option('--minimum-rows <n>', 'say "too few" below', parseNumber)
    .option('--project <project>', 'project (id or name)')
}

type Asked = Pick<DataBiasInput, 'facets' | 'intersections' | 'favourable' | 'stratum' | 'minimumRows'>

function askedOf(options: {
  facet: string[]
  cross: string[]
  reference: string[]
  favourable?: string
  stratum?: string
  minimumRows?: number
}): Asked {
  const facets = options.facet.map(parseFacet)
  for (const text of options.reference) {
    const [, name, group] = /^([^=]+)=(.+)$/.exec(text) ?? []
    const facet = facets.find((one) => (one.name ?? one.column) === name)
    if (!facet) throw new UsageError(`"${text}" names no facet. Write FACET=GROUP, with the facet's name or column.`)
    facet.reference = group
  }
  return {
    facets,
    intersections: options.cross.map((text) => text.split(',').map((name) => name.trim())),
    favourable: parseFavourable(options.favourable),
    stratum: options.stratum,
    minimumRows: options.minimumRows,
  }
}

/** `sex`, `age>=40`, `age:25,40`, or `name=column:group=value|value:group=value`. */
export function parseFacet(text: string): BiasFacet {
  const threshold = /^(.+?)\s*>=\s*(-?[\d.]+(?:e[+-]?\d+)?)$/i.exec(text)
  if (threshold) return { column: threshold[1]!, threshold: parseNumber(threshold[2]!) }
  const [head, ...rest] = text.split(':')
  const [, name, column] = /^([^=]+)=(.+)$/.exec(head!) ?? [null, undefined, head!]
  const facet: BiasFacet = { column: column!.trim(), ...(name && { name: name.trim() }) }
  if (rest.length === 0) return facet
  if (rest.length === 1 && !rest[0]!.includes('=')) return { ...facet, edges: rest[0]!.split(',').map(parseNumber) }
  return {
    ...facet,
    groups: rest.map((group) => {
      const [, called, values] = /^([^=]+)=(.*)$/.exec(group) ?? []
      if (!called || !values) throw new UsageError(`"${group}" is no group of values. Write GROUP=VALUE|VALUE.`)
      return { name: called, values: values.split('|') }
    }),
  }
}

function parseFavourable(text: string | undefined): DataBiasInput['favourable'] {
  if (text === undefined) return undefined
  const bound = /^(>=|<=)\s*(.+)$/.exec(text)
  if (!bound) return { values: text.split('|') }
  return bound[1] === '>=' ? { atLeast: parseNumber(bound[2]!) } : { atMost: parseNumber(bound[2]!) }
}

export function textOf(report: BiasReport): string {
  const parts = [`${report.rows} rows; favourable: ${report.favourable}`]
  for (const facet of report.facets) {
    parts.push(
      `${facet.name}\n${table(
        ['group', 'rows', 'favourable', ...(report.stage === 'model' ? ['predicted', 'recall', 'accuracy'] : [])],
        facet.groups.map(({ name, rows, rates }) => [
          name,
          rows,
          percent(rates.favourable),
          ...(report.stage === 'model' ? [percent(rates.predicted), percent(rates.recall), percent(rates.accuracy)] : []),
        ]),
      )}`,
    )
    for (const { group, against, measures, sentences } of facet.comparisons)
      parts.push(
        `${group} against ${against}\n${table(
          ['measure', '', 'value', 'low', 'high', 'verdict'],
          measures.map((one) => [
            one.symbol,
            one.title,
            shown(one.value),
            shown(one.low),
            shown(one.high),
            one.verdict?.replaceAll('_', ', ') ?? '',
          ]),
        )}\n${sentences.join('\n')}`,
      )
    if (facet.counterfactuals) parts.push(facet.counterfactuals.sentence)
  }
  return [...parts, `${report.tests.sentence}\n${report.sentence}`].join('\n\n')
}

const shown = (value: number | null) => (value === null ? null : round(value))
const percent = (rate: { value: number | null } | null | undefined) =>
  rate?.value == null ? null : `${(100 * rate.value).toFixed(1)} %`
