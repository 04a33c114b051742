import { useDeferredValue, useMemo, useState } from 'react'
import { TextField } from '../../ui/Field.tsx'
import { count, short } from '../../ui/format.ts'
import { Section } from '../../ui/Page.tsx'
import type { WordCompany } from './found-files.ts'

const mostShown = 24

/** Words with those nearest to them: the most frequent ones, or those that begin as was typed. */
export function NearWords({ words }: { words: readonly WordCompany[] }) {
  const [typed, setTyped] = useState('')
  const wanted = useDeferredValue(typed.trim().toLowerCase())
  const found = useMemo(
    () => (wanted === '' ? words : words.filter(({ word }) => word.startsWith(wanted)).sort(exactFirst(wanted))),
    [words, wanted],
  )
  return (
    <Section
      title="Words"
      note="The nearest words of each, by the cosine of their vectors: 1 is the same direction, 0 nothing in common."
    >
      <TextField
        label="Find a word"
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        wrap="max-w-xs"
        hint={found.length === 0 ? `No word of the ${count(words.length, 'word')} begins so.` : `${count(found.length, 'word')}`}
      />
      <div className="mt-3 grid gap-3 sm:grid-cols-2 lg:grid-cols-3 2xl:grid-cols-4">
        {found.slice(0, mostShown).map((one) => (
          <article key={one.word} className="rounded-md border p-3 text-sm">
            <h3 className="flex items-baseline justify-between gap-2 font-medium">
              {one.word}
              <span className="num font-normal text-faint">{count(one.times, 'time')}</span>
            </h3>
            <ol className="mt-1.5 space-y-0.5">
              {one.near.slice(0, 6).map(({ word, similarity }) => (
                <li key={word} className="flex justify-between gap-2">
                  <button type="button" className="text-left underline-offset-2 hover:underline" onClick={() => setTyped(word)}>
                    {word}
                  </button>
                  <span className="num text-faint">{short(similarity, 2)}</span>
                </li>
              ))}
            </ol>
          </article>
        ))}
      </div>
      {found.length > mostShown && <p className="mt-2 text-sm text-faint">and {count(found.length - mostShown, 'word')} more</p>}
    </Section>
  )
}

const exactFirst = (wanted: string) => (a: WordCompany, b: WordCompany) => Number(b.word === wanted) - Number(a.word === wanted)
