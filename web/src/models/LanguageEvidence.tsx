import type { ModelVersion } from '@atoll/sdk'
import { lessIsBetter } from '../goals/metrics.ts'
import { metricName } from '../ui/format.ts'
import { WithInterval } from '../ui/Num.tsx'
import { Section } from '../ui/Page.tsx'
import type { EvaluationFile, LanguageExample } from './evidence.ts'

/** A language model beside what it began with: the measures of both on the sealed rows, and what both write. */
export function LanguageEvidence({ version, evaluation }: { version: ModelVersion; evaluation: EvaluationFile }) {
  const { before = {}, beforeIs, comparisons = [], examples = [] } = evaluation
  const names = Object.keys(version.test).filter((name) => before[name])
  return (
    <div className="space-y-6">
      {names.length > 0 && (
        <Section title="Before and after" note={beforeIs ? `Before: ${beforeIs}.` : undefined}>
          <div tabIndex={0} role="region" aria-label="Before and after" className="overflow-x-auto">
            <table className="w-full text-base">
              <caption className="sr-only">Measures on the sealed rows before and after training</caption>
              <thead className="text-sm text-faint">
                <tr>
                  <th scope="col" className="border-b py-1.5 pr-3 text-left font-medium">
                    Measure
                  </th>
                  {['Before', 'After'].map((title) => (
                    <th key={title} scope="col" className="border-b px-3 py-1.5 text-right font-medium">
                      {title}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {names.map((name) => (
                  <tr key={name}>
                    <th scope="row" className="border-b py-1.5 pr-3 text-left font-normal">
                      {metricName(name)}
                      {lessIsBetter.has(name) && <span className="sr-only"> less is better</span>}
                    </th>
                    {[before[name], version.test[name]].map((one, at) => (
                      <td key={at} className="border-b px-3 py-1.5 text-right">
                        <WithInterval value={one?.value} low={one?.low} high={one?.high} method={one?.method} />
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {comparisons.map(({ metric, sentence }) => (
            <p key={metric} className="mt-2 max-w-prose text-sm text-soft">
              {sentence}
            </p>
          ))}
        </Section>
      )}
      {examples.length > 0 && (
        <Section title="What it writes" note="Sealed prompts, continued with the likeliest token each time.">
          <ol className="grid gap-4 xl:grid-cols-2">
            {examples.map((one) => (
              <Example key={one.row} example={one} />
            ))}
          </ol>
        </Section>
      )}
    </div>
  )
}

function Example({ example: { row, prompt, wanted, before, after } }: { example: LanguageExample }) {
  const lines: [string, string | null][] = [
    ['Prompt', prompt],
    ['Wanted', wanted],
    ['Before', before],
    ['After', after],
  ]
  return (
    <li className="min-w-0 rounded-md border p-3">
      <p className="mb-2 text-sm text-faint">Row {row}</p>
      <dl className="grid grid-cols-[4.5rem_minmax(0,1fr)] gap-x-3 gap-y-1.5">
        {lines
          .filter(([, text]) => text !== null)
          .map(([title, text]) => (
            <div key={title} className="contents">
              <dt className="text-sm text-faint">{title}</dt>
              <dd className="line-clamp-6 min-w-0 whitespace-pre-wrap break-words" title={text ?? undefined}>
                {shown(text) || <span className="text-faint">nothing</span>}
              </dd>
            </div>
          ))}
      </dl>
    </li>
  )
}

/** Without the empty lines that a model may go on and on with. */
const shown = (text: string | null): string => (text ?? '').replace(/\s*\n\s*\n\s*/g, '\n').trim()
