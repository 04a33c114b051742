import { useState } from 'react'
import { Button } from '../ui/Button.tsx'
import { count } from '../ui/format.ts'
import { MarkedText } from '../ui/MarkedText.tsx'
import { Section } from '../ui/Page.tsx'
import type { MarkedExample } from './evidence.ts'

const atFirst = 8

/** Sealed texts with what should be marked and what was, those with most mistakes first. */
export function MarkedExamples({ examples, labels }: { examples: readonly MarkedExample[]; labels: readonly string[] }) {
  const [shown, setShown] = useState(atFirst)
  return (
    <Section
      title="Marked texts"
      note="Sealed texts, those with most mistakes first: what should be marked, and what the model marked."
    >
      <ul className="space-y-3">
        {examples.slice(0, shown).map((one) => (
          <li key={one.row} className="rounded-md border p-3 text-sm">
            <p className="num mb-1 text-xs text-faint">
              row {one.row}, {one.mistakes === 0 ? 'no mistake' : count(one.mistakes, 'mistake')}
            </p>
            <MarkedText text={one.text} marks={one.actual} labels={labels} />
            {one.mistakes > 0 && (
              <div className="mt-2 border-l-2 border-bad pl-2">
                <p className="text-xs text-faint">as marked by the model</p>
                <MarkedText text={one.text} marks={one.predicted} labels={labels} />
              </div>
            )}
          </li>
        ))}
      </ul>
      {shown < examples.length && (
        <Button className="mt-3" onClick={() => setShown(shown + 20)}>
          Show more
        </Button>
      )}
    </Section>
  )
}
