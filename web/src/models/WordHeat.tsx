import type { GradientExplanation } from '@atoll/sdk'
import { Num } from '../ui/Num.tsx'
import { heatOf, signed } from './heat.ts'

const shownWords = 20

/** A text whose words are coloured by how much they speak for and against an answer; the same as a table beside it. */
export function WordHeat({ words, name }: { words: NonNullable<GradientExplanation['words']>; name: string }) {
  const weighed = words.filter(({ text, contribution }) => contribution !== null && text !== '')
  const most = Math.max(0, ...weighed.map(({ contribution }) => Math.abs(contribution ?? 0)))
  const ranked = [...weighed].sort((a, b) => Math.abs(b.contribution ?? 0) - Math.abs(a.contribution ?? 0)).slice(0, shownWords)
  return (
    <div className="grid gap-4 lg:grid-cols-[minmax(0,1fr)_14rem]">
      <div>
        <p className="rounded-md border bg-sunken p-3 leading-7 whitespace-pre-wrap">
          {words.map(({ text, contribution }, at) =>
            contribution === null ? (
              text
            ) : (
              <span
                key={at}
                title={`${text}: ${signed(contribution)}`}
                style={{ background: heatOf(contribution, most) }}
                className={
                  contribution < 0 && Math.abs(contribution) > most / 4
                    ? 'rounded-sm underline decoration-dashed'
                    : contribution > most / 4
                      ? 'rounded-sm font-medium'
                      : 'rounded-sm'
                }
              >
                {text}
              </span>
            ),
          )}
        </p>
        <p className="mt-1 text-xs text-faint">Bold: for {name}. Dashed line: against it. The stronger the colour, the more.</p>
      </div>
      <div tabIndex={0} role="region" aria-label="Words by weight" className="max-h-80 overflow-auto">
        <table className="w-full text-sm">
          <caption className="sr-only">Words by how much they move the answer</caption>
          <thead>
            <tr className="border-b text-left text-faint">
              <th scope="col" className="py-1 font-normal">
                Word
              </th>
              <th scope="col" className="py-1 text-right font-normal">
                Contribution
              </th>
            </tr>
          </thead>
          <tbody>
            {ranked.map(({ text, contribution }, at) => (
              <tr key={at} className="border-b last:border-0">
                <th scope="row" className="py-1 pr-2 text-left font-normal break-all">
                  {text}
                </th>
                <td className="py-1 text-right">
                  <Num>{signed(contribution ?? 0)}</Num>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  )
}
