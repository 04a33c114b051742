import type { Model, ModelVersion } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { atoll } from '../api.ts'
import { exampleRow, type Row, RowForm } from '../endpoints/RowForm.tsx'
import { Button } from '../ui/Button.tsx'
import { SelectField } from '../ui/Field.tsx'
import { Section } from '../ui/Page.tsx'
import { Notice } from '../ui/State.tsx'
import { NearestRows } from './NearestRows.tsx'
import { WhyRow } from './WhyRow.tsx'

const mine = 'a row of mine'

/** Why the version answers as it does for one row: a held-out one, or one that is typed in. */
export function OneRow({ model, version, hasBackground }: { model: Model; version: ModelVersion; hasBackground: boolean }) {
  const [chosen, setChosen] = useState(mine)
  const [row, setRow] = useState<Row>(() => exampleRow(version.signature))
  const [formKey, setFormKey] = useState(0)
  const [asked, setAsked] = useState<Row | null>(null)
  // Whoever may not read the data set types a row.
  const held = useQuery({
    queryKey: ['model', model.id, version.number, 'held-out'],
    queryFn: () => atoll.models.heldOut(model.id, version.number, { limit: 50 }),
    enabled: hasBackground,
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  })
  if (!hasBackground)
    return (
      <Section title="One row">
        <Notice severity="info">
          This version keeps no background rows, so a single answer cannot be taken apart. Train a version anew: those made since
          do.
        </Notice>
      </Section>
    )
  const rows = held.data?.rows ?? []
  const nameOf = (at: number): string => {
    const { number, actual, predicted } = rows[at]!
    return `row ${number}: ${String(actual)}${String(actual) === String(predicted) ? '' : `, called ${String(predicted)}`}`
  }
  const choose = (name: string) => {
    setChosen(name)
    const at = rows.findIndex((_, i) => nameOf(i) === name)
    if (at < 0) return
    setRow(rows[at]!.row)
    setFormKey(formKey + 1)
    setAsked(rows[at]!.row)
  }
  return (
    <div className="grid items-start gap-6 xl:grid-cols-2">
      <Section title="One row" note="Pick a row that was held out, or type one.">
        {rows.length > 0 && (
          <SelectField
            wrap="mb-3 max-w-96"
            label="Row"
            value={chosen}
            choices={[mine, ...rows.map((_, at) => nameOf(at))]}
            onChange={choose}
          />
        )}
        <form
          onSubmit={(event) => {
            event.preventDefault()
            setAsked(row)
          }}
        >
          <RowForm
            key={formKey}
            signature={version.signature}
            row={row}
            onChange={(changed) => {
              setRow(changed)
              setChosen(mine)
            }}
          />
          <Button look="primary" type="submit" className="mt-4">
            Explain
          </Button>
        </form>
      </Section>
      <Section title="Why" note="How much each column moved the answer away from the mean answer.">
        {asked ? (
          <WhyRow
            key={JSON.stringify(asked)}
            row={asked}
            explain={(how) => atoll.models.explain(model.id, version.number, [asked], how)}
            signature={version.signature}
          />
        ) : (
          <p className="text-soft">Choose a row and ask.</p>
        )}
        {asked && rows.length > 0 && <NearestRows model={model} version={version} row={asked} />}
      </Section>
    </div>
  )
}
