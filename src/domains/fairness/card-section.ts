import type { BiasReport } from './schema.ts'

/** What the card says of a report: sentences and rates of groups, nothing that was not measured. */
export function cardSection(report: BiasReport): string {
  const lines = [
    '## Fairness',
    '',
    `Examined at ${report.at} on ${report.rows} sealed rows; favourable is: ${text(report.favourable)}. ${text(report.sentence)} ${text(report.tests.sentence)}`,
  ]
  for (const { name, groups, comparisons, counterfactuals } of report.facets) {
    lines.push('', `### By ${text(name)}`, '', '| group | rows | predicted favourably | recall | accuracy |', '|-|-:|-:|-:|-:|')
    for (const { name: group, rows, rates } of groups.slice(0, 20))
      lines.push(
        `| ${text(group)} | ${rows} | ${percent(rates.predicted)} | ${percent(rates.recall)} | ${percent(rates.accuracy)} |`,
      )
    if (groups.length > 20) lines.push('', `And ${groups.length - 20} more groups.`)
    const sentences = comparisons.flatMap((one) => one.sentences)
    if (sentences.length > 0) lines.push('', ...sentences.slice(0, 12).map((sentence) => `- ${text(sentence)}`))
    if (counterfactuals) lines.push('', text(counterfactuals.sentence))
  }
  return lines.join('\n')
}

const percent = (rate: { value: number | null; low: number | null; high: number | null } | null): string =>
  rate?.value == null
    ? 'not defined'
    : `${(100 * rate.value).toFixed(1)} % (${(100 * rate.low!).toFixed(1)} to ${(100 * rate.high!).toFixed(1)})`

/** Names from data in Markdown: no tags, no links, no table marks. */
const text = (raw: string): string =>
  raw.replace(/\s+/g, ' ').replace(/[<>[\]`*|]/g, (mark) => (mark === '<' ? '&lt;' : mark === '>' ? '&gt;' : `\\${mark}`))
