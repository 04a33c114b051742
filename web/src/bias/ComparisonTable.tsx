import type { BiasComparison, BiasMeasure } from '@atoll/sdk'
import { Badge, type Tone } from '../ui/Badge.tsx'
import { short } from '../ui/format.ts'
import { Num } from '../ui/Num.tsx'

const verdicts: Record<NonNullable<BiasMeasure['verdict']>, { tone: Tone; word: string }> = {
  too_few: { tone: 'grey', word: 'too few rows' },
  within: { tone: 'good', word: 'within' },
  within_unsure: { tone: 'good', word: 'within, perhaps' },
  outside_unsure: { tone: 'warn', word: 'outside, perhaps' },
  outside: { tone: 'bad', word: 'outside' },
}

/** One group against another: sentences first, then every measure with its interval. */
export function ComparisonTable({ comparison, open }: { comparison: BiasComparison; open: boolean }) {
  const { group, against, measures, sentences } = comparison
  return (
    <div>
      <h3 className="font-medium">
        {group} <span className="font-normal text-soft">against {against}</span>
      </h3>
      <ul className="mt-1 list-disc space-y-1 pl-5 text-base">
        {sentences.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
      <details open={open} className="mt-2">
        <summary className="cursor-pointer text-sm text-soft">{measures.length} measures</summary>
        <div tabIndex={0} role="region" aria-label={`Measures of ${group} against ${against}`} className="mt-1 overflow-x-auto">
          <table className="w-full text-sm">
            <thead className="text-faint">
              <tr>
                <th scope="col" className="border-b py-1 pr-3 text-left font-medium">
                  Measure
                </th>
                <th scope="col" className="border-b px-3 py-1 text-right font-medium">
                  Value
                </th>
                <th scope="col" className="border-b px-3 py-1 text-right font-medium">
                  95 % interval
                </th>
                <th scope="col" className="border-b py-1 pl-3 text-left font-medium">
                  Verdict
                </th>
              </tr>
            </thead>
            <tbody>
              {measures.map((one) => (
                <MeasureRow key={one.measure} one={one} />
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </div>
  )
}

function MeasureRow({ one }: { one: BiasMeasure }) {
  const told = one.verdict && verdicts[one.verdict]
  const rests = `rests on ${one.rests[0]} and ${one.rests[1]} rows`
  const p = one.pHolm === null ? '' : `; p ${one.pHolm < 0.001 ? '< 0.001' : `= ${one.pHolm.toFixed(3)}`} after Holm's correction`
  return (
    <tr title={`${rests}${p}`}>
      <th scope="row" className="min-w-40 border-b py-1 pr-3 text-left font-normal">
        {one.title} <span className="text-xs text-faint">{one.symbol}</span>
      </th>
      <td className="border-b px-3 py-1 text-right">
        {one.value === null ? <span className="text-faint">not defined</span> : <Num>{short(one.value, 3)}</Num>}
      </td>
      <td className="border-b px-3 py-1 text-right text-soft">
        {one.low === null || one.high === null ? (
          <span className="text-faint">–</span>
        ) : (
          <Num>
            <span title={one.method ?? undefined}>
              {short(one.low, 3)} to {short(one.high, 3)}
            </span>
          </Num>
        )}
      </td>
      <td className="border-b py-1 pl-3">{told && <Badge tone={told.tone}>{told.word}</Badge>}</td>
    </tr>
  )
}
