import { short } from '../goals/outcome.ts'
import { measureSentence, quoted, wantedWords } from './judge.ts'
import { definitions } from './measures.ts'
import type { BiasReport, MeasureValue, Policy, PolicyInput, PolicyOutcome, Rule } from './schema.ts'

/** The bounds of a rule: of a difference with only an upper one, in both directions. */
export function boundsOf({ measure, atLeast, atMost }: Rule): NonNullable<MeasureValue['wanted']> {
  const isDifference = definitions[measure].difference !== undefined
  return { low: atLeast ?? (isDifference && atMost !== null ? -atMost : null), high: atMost }
}

/** A policy in words. */
export function policySentence({ facets, rules }: Pick<PolicyInput, 'facets' | 'rules'>): string {
  const of = facets.map(({ name, column }) => name ?? column).join(', ')
  const said = rules.map((rule) => `${definitions[rule.measure].title.toLowerCase()} ${wantedWords(boundsOf(rule))}`).join('; ')
  return `By ${of}: ${said}.`
}

/** Holds a version's report against a policy. What rests on too few rows neither meets nor breaks it; a policy that nothing could be held to is not met. */
export function judgePolicy(policy: Policy, report: BiasReport): PolicyOutcome {
  const checks = report.facets.flatMap((facet) =>
    facet.comparisons.flatMap(({ group, against, measures }) =>
      policy.rules.map((rule) => {
        const wanted = boundsOf(rule)
        const found = measures.find(({ measure }) => measure === rule.measure)!
        const met = isMet({ ...found, wanted }, policy.minimumRows)
        const verdict = met === null ? 'too_few' : null
        const said = measureSentence({ group, against }, { ...found, wanted: null, verdict }, policy.minimumRows)
        return {
          facet: facet.name,
          group,
          against,
          measure: rule.measure,
          value: found.value,
          low: found.low,
          high: found.high,
          wanted,
          met,
          sentence: met === null ? said : `${said.slice(0, -1)}; the policy ${quoted(policy.name)} wants ${wantedWords(wanted)}.`,
        }
      }),
    ),
  )
  const broken = checks.filter(({ met }) => met === false)
  const sentences = broken.slice(0, 10).map(({ facet, sentence }) => `By ${facet}: ${sentence}`)
  if (broken.length > 10) sentences.push(`${broken.length - 10} more comparisons break the policy "${policy.name}".`)
  if (checks.every(({ met }) => met === null))
    sentences.push(
      `The policy "${policy.name}" cannot be checked: no two groups have ${short(policy.minimumRows)} sealed rows for what it asks (${policySentence(policy)})`,
    )
  return { policy: policy.id, name: policy.name, met: sentences.length === 0, checks, sentences }
}

function isMet({ value, wanted, rests }: Pick<MeasureValue, 'value' | 'wanted' | 'rests'>, minimumRows: number): boolean | null {
  if (Math.min(...rests) < minimumRows || value === null) return null
  const { low, high } = wanted!
  // A bound of 0.1 is met by 0.8 - 0.7.
  const slack = 1e-12
  return (low === null || value >= low - slack) && (high === null || value <= high + slack)
}
