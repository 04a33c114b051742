import type { Dataset, DatasetVersion, SplitInput } from '@atoll/sdk'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { atoll, changed, fieldOf, sentence } from '../api.ts'
import { Button } from '../ui/Button.tsx'
import { NumberField, SelectField } from '../ui/Field.tsx'
import { SidePanel } from '../ui/SidePanel.tsx'
import { ErrorNote } from '../ui/State.tsx'

const kinds = [
  { value: 'auto', label: 'Chosen from the data' },
  { value: 'stratified', label: 'Stratified: each part has the same share of classes' },
  { value: 'random', label: 'Random' },
  { value: 'grouped', label: 'Grouped: no group is in two parts' },
  { value: 'time', label: 'By time: the newest rows are the test' },
  { value: 'given', label: 'Given: a column says train, validation or test' },
]

export function NewSplitPanel({ dataset, version, onClose }: { dataset: Dataset; version: DatasetVersion; onClose: () => void }) {
  const [form, setForm] = useState<SplitInput>({
    dataset: dataset.id,
    version: version.id,
    target: dataset.target,
    kind: 'auto',
    test: 0.2,
    validation: 0,
    folds: 5,
    seed: 7,
  })
  const set = (part: Partial<SplitInput>) => setForm({ ...form, ...part })
  const columns = [{ value: '', label: 'none' }, ...version.columns.map((column) => column.name)]
  const create = useMutation({
    mutationFn: () => atoll.splits.create(form),
    onSuccess: () => {
      changed('splits', 'jobs')
      onClose()
    },
  })
  const errorFor = (field: string) => (fieldOf(create.error) === field ? sentence(create.error) : null)
  return (
    <SidePanel open onClose={onClose} title="Make a split">
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault()
          create.mutate()
        }}
      >
        <SelectField label="How" value={form.kind} choices={kinds} onChange={(kind) => set({ kind: kind as 'auto' })} />
        <SelectField
          label="Column to predict"
          value={form.target ?? ''}
          choices={columns}
          onChange={(target) => set({ target: target || null })}
          error={errorFor('target')}
        />
        {(form.kind === 'grouped' || form.kind === 'auto') && (
          <SelectField
            label="Group column"
            hint="For example the patient, when one has several rows"
            value={form.groupColumn ?? ''}
            choices={columns}
            onChange={(groupColumn) => set({ groupColumn: groupColumn || null })}
            error={errorFor('groupColumn')}
          />
        )}
        {(form.kind === 'time' || form.kind === 'auto') && (
          <SelectField
            label="Time column"
            value={form.timeColumn ?? ''}
            choices={columns}
            onChange={(timeColumn) => set({ timeColumn: timeColumn || null })}
            error={errorFor('timeColumn')}
          />
        )}
        {form.kind === 'given' && (
          <SelectField
            label="Column that names the part"
            hint="Its values say train, validation or test; no model sees it"
            value={form.partColumn ?? ''}
            choices={columns}
            onChange={(partColumn) => set({ partColumn: partColumn || null })}
            error={errorFor('partColumn')}
          />
        )}
        <div className="grid grid-cols-2 gap-4">
          {form.kind !== 'given' && (
            <>
              <NumberField
                label="Share of the sealed test"
                min={0.05}
                max={0.5}
                step={0.01}
                value={form.test ?? 0.2}
                onChange={(test) => set({ test: test ?? 0.2 })}
                error={errorFor('test')}
              />
              <NumberField
                label="Share for validation"
                hint="0: cross-validation"
                min={0}
                max={0.4}
                step={0.01}
                value={form.validation ?? 0}
                onChange={(validation) => set({ validation: validation ?? 0 })}
              />
            </>
          )}
          <NumberField
            label="Folds"
            min={2}
            max={20}
            step={1}
            value={form.folds ?? 5}
            onChange={(folds) => set({ folds: folds ?? 5 })}
          />
          <NumberField label="Seed" min={0} step={1} value={form.seed ?? 7} onChange={(seed) => set({ seed: seed ?? 7 })} />
        </div>
        {create.error && !fieldOf(create.error) && <ErrorNote error={create.error} />}
        <Button look="primary" type="submit" busy={create.isPending}>
          Make the split
        </Button>
      </form>
    </SidePanel>
  )
}
