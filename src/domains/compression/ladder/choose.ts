import type * as z from 'zod'
import { short } from '../../goals/outcome.ts'
import type { Choice, LadderQuery, Rung } from '../schema.ts'

type Rule = Pick<z.output<typeof LadderQuery>, 'maxLoss' | 'maxP95Ms' | 'optimise'>

/** What is small in the wish's terms, in words, and how it is said. */
const wishes: Record<Rule['optimise'], { of(rung: Rung): number | null; word: string; said(value: number): string }> = {
  size: { of: ({ sizeBytes }) => sizeBytes, word: 'smallest', said: (bytes) => `${short(bytes / 1e6)} MB` },
  latency: {
    of: ({ measured }) => measured?.one.p95Ms ?? null,
    word: 'fastest',
    said: (ms) => `${short(ms)} ms at the 95th percentile`,
  },
  throughput: {
    of: ({ measured }) => (measured ? -measured.many.rowsPerSecond : null),
    word: 'one with the highest throughput',
    said: (rows) => `${short(-rows)} rows a second`,
  },
  energy: {
    of: ({ measured }) => measured?.energyWhPerThousandRows ?? null,
    word: 'most frugal',
    said: (wh) => `${short(wh)} Wh for a thousand rows`,
  },
}

/** The rung that a rule picks ("the smallest within one point and under 20 ms"), why, and why not the others. */
export function choose(rungs: readonly Rung[], { maxLoss, maxP95Ms, optimise }: Rule, metric: string): z.infer<typeof Choice> {
  const wish = wishes[optimise]
  const refused: { name: string; why: string }[] = []
  const fitting = rungs.filter((rung) => {
    const why = objection(rung)
    if (why) refused.push({ name: rung.name, why })
    return why === null
  })
  const rule = `at most ${short(maxLoss)} of ${metric} below ${rungs[0]?.name ?? 'the first'}, answering within ${short(maxP95Ms)} ms (95th percentile)`
  const [best, next] = [...fitting].sort((a, b) => wish.of(a)! - wish.of(b)! || (b.quality?.value ?? 0) - (a.quality?.value ?? 0))
  if (!best)
    return { version: null, name: null, sentence: `No rung keeps to the rule: ${rule}. ${refused[0]?.why ?? ''}`.trim(), refused }
  const loss =
    best.loss === null ? '' : best.loss > 0 ? `, ${short(best.loss)} of ${metric} below the first` : ', no worse than the first'
  const second = next ? ` Next is ${next.name} with ${wish.said(wish.of(next)!)}.` : ''
  return {
    version: best.version,
    name: best.name,
    sentence: `${best.name} is the ${wish.word} of ${fitting.length} that keep to the rule (${rule}): ${wish.said(wish.of(best)!)}${loss}${
      best.measured ? `, ${short(best.measured.one.p95Ms)} ms` : ''
    }.${second}`,
    refused,
  }

  function objection({ loss, measured, name, state, difference }: Rung): string | null {
    if (state === 'archived' || state === 'deprecated') return `${name} is ${state}.`
    if (measured === null) return `${name} was not measured on this machine yet.`
    if (loss === null) return `${name} has no figure for ${metric}.`
    if (loss > maxLoss)
      return `${name} loses ${short(loss)} of ${metric}${difference && !difference.significant ? ', which may be chance' : ''}.`
    if (measured.one.p95Ms > maxP95Ms) return `${name} takes ${short(measured.one.p95Ms)} ms at the 95th percentile.`
    const of = wish.of({ loss, measured, name, state, difference, sizeBytes: 0 } as Rung)
    return of === null ? `The energy that ${name} takes could not be measured on this machine.` : null
  }
}
