import { useState } from 'react'
import { Bars } from '../charts/Bars.tsx'
import { SelectField } from '../ui/Field.tsx'
import { Section } from '../ui/Page.tsx'
import type { ExplainFile } from './evidence.ts'

const shownTerms = 25

/** The terms of texts that pull most towards each class. */
export function Terms({ terms, from }: { terms: NonNullable<ExplainFile['terms']>; from: string }) {
  const [chosen, setChosen] = useState(0)
  const names = terms.map((one) => one.class ?? 'the value')
  const shown = terms[chosen] ?? terms[0]
  if (!shown) return null
  const name = names[terms.indexOf(shown)]
  return (
    <Section title="Terms" note={`The terms that pull most towards ${name}: ${from}.`}>
      {terms.length > 1 && (
        <SelectField
          wrap="mb-3 max-w-72"
          label="Class"
          value={String(chosen)}
          choices={names.map((label, at) => ({ value: String(at), label }))}
          onChange={(value) => setChosen(Number(value))}
        />
      )}
      {shown.terms.length === 0 ? (
        <p className="text-soft">No single term pulls towards it.</p>
      ) : (
        <Bars
          title={`Terms for ${name}`}
          showTitle={false}
          name="terms"
          valueLabel="weight"
          summary={`The terms that pull most towards ${name}: ${shown.terms
            .slice(0, 5)
            .map(({ term }) => term)
            .join(', ')}.`}
          rows={shown.terms.slice(0, shownTerms).map(({ term, weight }) => ({ label: term, value: weight }))}
        />
      )}
    </Section>
  )
}
