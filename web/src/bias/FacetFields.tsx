import type { BiasFacet, Column } from '@atoll/sdk'
import { X } from 'lucide-react'
import { useState } from 'react'
import { IconButton } from '../ui/Button.tsx'
import { NumberField, SelectField, TextareaField, TextField } from '../ui/Field.tsx'
import { facetName, groupsText, readGroups } from './asked.ts'

type Kind = 'values' | 'groups' | 'threshold' | 'edges'
const kindOf = ({ groups, threshold, edges }: BiasFacet): Kind =>
  groups ? 'groups' : threshold !== undefined ? 'threshold' : edges ? 'edges' : 'values'

/** One facet: a column, and how its values make groups. */
export function FacetFields({
  facet,
  columns,
  onChange,
  onRemove,
}: {
  facet: BiasFacet
  columns: readonly Column[]
  onChange: (facet: BiasFacet) => void
  onRemove: (() => void) | null
}) {
  const column = columns.find(({ name }) => name === facet.column)
  const isNumber = column?.type === 'number' || column?.type === 'integer'
  const kind = kindOf(facet)
  const kinds: { value: Kind; label: string }[] = [
    { value: 'values', label: 'each value' },
    { value: 'groups', label: 'values put together' },
    ...(isNumber
      ? [
          { value: 'threshold' as const, label: 'below and from a number' },
          { value: 'edges' as const, label: 'bins' },
        ]
      : []),
  ]
  const choose = (next: Kind) => {
    const plain = { column: facet.column, name: facet.name }
    if (next === 'groups') onChange({ ...plain, groups: [] })
    else if (next === 'threshold') onChange({ ...plain, threshold: 40 })
    else if (next === 'edges') onChange({ ...plain, edges: [25, 40, 60] })
    else onChange(plain)
  }
  return (
    <fieldset className="grid gap-3 rounded-md border p-3 sm:grid-cols-[1fr_1fr_1fr_auto]">
      <legend className="px-1 text-sm font-medium text-soft">{facetName(facet)}</legend>
      <SelectField
        label="Column"
        value={facet.column}
        choices={columns.map(({ name }) => name)}
        onChange={(name) => {
          const next = columns.find((one) => one.name === name)
          const counts = next?.type === 'number' || next?.type === 'integer'
          onChange(counts ? { column: name, threshold: 40 } : { column: name })
        }}
      />
      <SelectField label="Groups" value={kind} choices={kinds} onChange={(next) => choose(next as Kind)} />
      {kind === 'threshold' ? (
        <NumberField
          label="From"
          value={facet.threshold ?? null}
          onChange={(threshold) => threshold !== null && onChange({ ...facet, threshold })}
        />
      ) : kind === 'edges' ? (
        <EdgesField edges={facet.edges ?? []} onChange={(edges) => onChange({ ...facet, edges })} />
      ) : (
        <TextField
          label="Called"
          value={facet.name ?? ''}
          placeholder={facet.column}
          maxLength={80}
          onChange={(event) => onChange({ ...facet, name: event.target.value || undefined })}
        />
      )}
      {onRemove && (
        <IconButton label={`Remove the facet ${facetName(facet)}`} className="size-7 self-end" onClick={onRemove}>
          <X aria-hidden="true" className="size-4" />
        </IconButton>
      )}
      {kind === 'groups' && <GroupsField facet={facet} onChange={onChange} />}
    </fieldset>
  )
}

function EdgesField({ edges, onChange }: { edges: readonly number[]; onChange: (edges: number[]) => void }) {
  const [text, setText] = useState(edges.join(', '))
  const read = (raw: string) =>
    raw
      .split(/[,\s]+/)
      .filter(Boolean)
      .map(Number)
  const isFine = read(text).length > 0 && read(text).every(Number.isFinite)
  return (
    <TextField
      label="Edges"
      value={text}
      error={isFine ? null : 'Numbers with commas between them.'}
      onChange={(event) => {
        setText(event.target.value)
        const next = read(event.target.value)
        if (next.length > 0 && next.every(Number.isFinite)) onChange(next)
      }}
    />
  )
}

function GroupsField({ facet, onChange }: { facet: BiasFacet; onChange: (facet: BiasFacet) => void }) {
  const [text, setText] = useState(groupsText(facet.groups))
  const { problem } = readGroups(text)
  return (
    <div className="sm:col-span-full">
      <TextareaField
        label="Groups, one a line"
        hint="name = value | value. Values of no group are put together as others."
        error={text.trim() === '' ? null : problem}
        value={text}
        rows={3}
        placeholder={'female = female div/dep/mar | female single\nmale = male single'}
        onChange={(event) => {
          setText(event.target.value)
          const read = readGroups(event.target.value)
          onChange({ ...facet, groups: read.problem === null ? read.groups : [] })
        }}
      />
    </div>
  )
}
