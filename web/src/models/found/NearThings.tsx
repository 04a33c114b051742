import { useDeferredValue, useMemo, useState } from 'react'
import { TextField } from '../../ui/Field.tsx'
import { count, short } from '../../ui/format.ts'
import { Section } from '../../ui/Page.tsx'

const mostShown = 24

interface Thing {
  name: string
  often: string
  near: readonly { name: string; similarity: number }[]
}
interface Props {
  title: string
  note: string
  noun: string
  /** The most frequent first. */
  things: readonly Thing[]
}

/** Things with those nearest to them: the most frequent ones, or those that begin as was typed. */
export function NearThings({ title, note, noun, things }: Props) {
  const [typed, setTyped] = useState('')
  const wanted = useDeferredValue(typed.trim().toLowerCase())
  const found = useMemo(
    () => (wanted === '' ? things : things.filter(({ name }) => name.toLowerCase().startsWith(wanted)).sort(exactFirst(wanted))),
    [things, wanted],
  )
  return (
    <Section title={title} note={note}>
      <TextField
        label={`Find a ${noun}`}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        wrap="max-w-xs"
        hint={found.length === 0 ? `No ${noun} of the ${count(things.length, noun)} begins so.` : `${count(found.length, noun)}`}
      />
      <div className="mt-3 grid gap-3 sm:grid-cols-2 lg:grid-cols-3 2xl:grid-cols-4">
        {found.slice(0, mostShown).map((one) => (
          <article key={one.name} className="rounded-md border p-3 text-sm">
            <h3 className="flex items-baseline justify-between gap-2 font-medium">
              <span className="min-w-0 break-words">{one.name}</span>
              <span className="num font-normal text-faint">{one.often}</span>
            </h3>
            <ol className="mt-1.5 space-y-0.5">
              {one.near.slice(0, 6).map(({ name, similarity }) => (
                <li key={name} className="flex justify-between gap-2">
                  <button
                    type="button"
                    className="min-w-0 break-words text-left underline-offset-2 hover:underline"
                    onClick={() => setTyped(name)}
                  >
                    {name}
                  </button>
                  <span className="num text-faint">{short(similarity, 2)}</span>
                </li>
              ))}
            </ol>
          </article>
        ))}
      </div>
      {found.length > mostShown && <p className="mt-2 text-sm text-faint">and {count(found.length - mostShown, noun)} more</p>}
    </Section>
  )
}

const exactFirst = (wanted: string) => (a: Thing, b: Thing) =>
  Number(b.name.toLowerCase() === wanted) - Number(a.name.toLowerCase() === wanted)
