import type { Column } from '@atoll/sdk'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { Button } from '../ui/Button.tsx'
import { Check, NumberField, SelectField, TextField } from '../ui/Field.tsx'
import type { Asked } from './asked.ts'
import { FacetFields } from './FacetFields.tsx'

/** Which groups to compare, and what is a good outcome for a person. */
export function AskForm({
  columns,
  label,
  classes,
  initial,
  busy,
  onAsk,
}: {
  columns: readonly Column[]
  label: string | null
  /** The label's classes where they are known; null: a number, undefined: not known. */
  classes: readonly string[] | null | undefined
  initial: Asked
  busy: boolean
  onAsk: (asked: Asked) => void
}) {
  const [asked, setAsked] = useState(initial)
  const change = (part: Partial<Asked>) => setAsked({ ...asked, ...part })
  const offered = columns.filter(({ name, type }) => name !== label && type !== 'image' && type !== 'audio')
  const isEmpty = asked.facets.some(({ groups }) => groups?.length === 0)
  const value = asked.favourable && 'values' in asked.favourable ? asked.favourable.values[0] : ''
  const bound = asked.favourable && 'atLeast' in asked.favourable ? asked.favourable.atLeast : null
  return (
    <form
      className="space-y-3"
      onSubmit={(event) => {
        event.preventDefault()
        onAsk(asked)
      }}
    >
      {asked.facets.map((facet, at) => (
        <FacetFields
          // A facet of another column is another facet: its half-written groups go with it.
          key={`${at} ${facet.column} ${facet.groups ? 'groups' : facet.edges ? 'edges' : ''}`}
          facet={facet}
          columns={offered}
          onChange={(next) => change({ facets: asked.facets.map((one, i) => (i === at ? next : one)) })}
          onRemove={asked.facets.length > 1 ? () => change({ facets: asked.facets.filter((_, i) => i !== at) }) : null}
        />
      ))}
      <div className="flex flex-wrap items-end gap-3">
        <Button
          icon={<Plus aria-hidden="true" className="size-3.5" />}
          disabled={asked.facets.length >= 6 || offered.length === 0}
          onClick={() => {
            const next = offered.find(({ name }) => !asked.facets.some((facet) => facet.column === name)) ?? offered[0]!
            const isNumber = next.type === 'number' || next.type === 'integer'
            change({ facets: [...asked.facets, isNumber ? { column: next.name, threshold: 40 } : { column: next.name }] })
          }}
        >
          Facet
        </Button>
        {classes === null ? (
          <NumberField
            wrap="w-44"
            label="Favourable from"
            value={bound}
            onChange={(atLeast) => change({ favourable: atLeast === null ? null : { atLeast } })}
          />
        ) : classes ? (
          <SelectField
            wrap="w-44"
            label="Favourable outcome"
            value={value}
            choices={[{ value: '', label: 'the positive class' }, ...classes.map((name) => ({ value: name, label: name }))]}
            onChange={(name) => change({ favourable: name ? { values: [name] } : null })}
          />
        ) : (
          <TextField
            wrap="w-44"
            label="Favourable outcome"
            placeholder="the positive class"
            value={value}
            onChange={(event) => change({ favourable: event.target.value ? { values: [event.target.value] } : null })}
          />
        )}
        <SelectField
          wrap="w-44"
          label="Disparity within"
          value={asked.stratum ?? ''}
          choices={[
            { value: '', label: 'no column' },
            ...offered
              .filter(({ type }) => type === 'category' || type === 'boolean')
              .map(({ name }) => ({ value: name, label: name })),
          ]}
          onChange={(name) => change({ stratum: name || null })}
        />
        <Button type="submit" look="primary" busy={busy} disabled={isEmpty || asked.facets.length === 0}>
          Compare the groups
        </Button>
      </div>
      {asked.facets.length > 1 && (
        <Check label="Also every two facets crossed" checked={asked.cross} onChange={(cross) => change({ cross })} />
      )}
    </form>
  )
}
