import { useState } from 'react'
import { Button } from '../ui/Button.tsx'
import { metricName, short, whole } from '../ui/format.ts'
import { Num } from '../ui/Num.tsx'
import { Section } from '../ui/Page.tsx'
import type { WrittenTexts as Texts } from './evidence.ts'
import { markedWords } from './marked-words.ts'

const shownAtFirst = 20

/** Sealed rows with what was wanted and what was written; words that differ are marked. */
export function WrittenTexts({ texts }: { texts: Texts }) {
  const [shown, setShown] = useState(shownAtFirst)
  const { rows, errors } = texts
  return (
    <Section title="What it wrote" note="Sealed rows, the worst first. Words that differ are marked.">
      {errors && (
        <p className="mb-3 text-soft">
          Of {whole(errors.words)} words {whole(errors.substitutions)} are wrong, {whole(errors.deletions)} missing and{' '}
          {whole(errors.insertions)} too many.
        </p>
      )}
      <div tabIndex={0} role="region" aria-label="What it wrote" className="overflow-x-auto">
        <table className="w-full min-w-[40rem] text-base">
          <thead className="text-left text-sm text-faint">
            <tr>
              <th scope="col" className="border-b py-1.5 pr-3 font-medium">
                From
              </th>
              <th scope="col" className="border-b px-3 py-1.5 font-medium">
                Wanted
              </th>
              <th scope="col" className="border-b px-3 py-1.5 font-medium">
                Written
              </th>
              <th scope="col" className="border-b py-1.5 pl-3 text-right font-medium">
                {metricName(texts.metric)}
              </th>
            </tr>
          </thead>
          <tbody className="align-top">
            {rows.slice(0, shown).map((row) => {
              const { wanted, said } = markedWords(row.wanted, row.said)
              return (
                <tr key={row.row}>
                  <td className="max-w-xs border-b py-1.5 pr-3 break-words text-soft">{row.input}</td>
                  <td className="border-b px-3 py-1.5">
                    <Marked words={wanted} />
                  </td>
                  <td className="border-b px-3 py-1.5">
                    {row.said === '' ? <span className="text-faint">nothing</span> : <Marked words={said} />}
                  </td>
                  <td className="border-b py-1.5 pl-3 text-right">
                    <Num>{short(row.value, 3)}</Num>
                  </td>
                </tr>
              )
            })}
          </tbody>
        </table>
      </div>
      {rows.length > shown && (
        <Button className="mt-3" onClick={() => setShown(rows.length)}>
          Show all {whole(rows.length)}
        </Button>
      )}
    </Section>
  )
}

const Marked = ({ words }: { words: { word: string; differs: boolean; at: number }[] }) => (
  <>
    {words.map(({ word, differs, at }) => (
      <span key={at}>{differs ? <mark className="rounded-sm bg-warn-soft px-0.5 text-ink">{word}</mark> : word} </span>
    ))}
  </>
)
