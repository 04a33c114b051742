import type { Column } from '@atoll/sdk'
import { Plus, X } from 'lucide-react'
import { Popover } from 'radix-ui'
import { useState } from 'react'
import { Button } from '../ui/Button.tsx'
import { SelectField, TextField } from '../ui/Field.tsx'
import { isNumeric } from './column-type.tsx'
import { type Condition, conditionWords, operators } from './row-filter.ts'

/** The conditions on the rows shown, and a way to add one. */
export function FilterBar({
  columns,
  conditions,
  onChange,
}: {
  columns: readonly Column[]
  conditions: Condition[]
  onChange: (conditions: Condition[]) => void
}) {
  return (
    <div className="flex flex-wrap items-center gap-1.5">
      {conditions.map((one, at) => (
        <span
          key={`${one.column}${one.op}${String(one.value)}`}
          className="inline-flex h-7 items-center rounded-md border border-strong bg-surface pl-2 text-sm"
        >
          {conditionWords(one)}
          <button
            type="button"
            aria-label={`Remove the filter: ${conditionWords(one)}`}
            className="grid h-7 w-7 place-items-center text-faint hover:text-ink"
            onClick={() => onChange(conditions.filter((_, other) => other !== at))}
          >
            <X aria-hidden="true" className="size-3.5" />
          </button>
        </span>
      ))}
      <AddCondition columns={columns} onAdd={(one) => onChange([...conditions, one])} />
    </div>
  )
}

function AddCondition({ columns, onAdd }: { columns: readonly Column[]; onAdd: (condition: Condition) => void }) {
  const [open, setOpen] = useState(false)
  const [column, setColumn] = useState(columns[0]?.name ?? '')
  const [op, setOp] = useState<Condition['op']>('=')
  const [value, setValue] = useState('')
  const type = columns.find((one) => one.name === column)?.type ?? 'text'
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger asChild>
        <Button size="sm" icon={<Plus aria-hidden="true" className="size-3.5" />}>
          Filter
        </Button>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          align="start"
          sideOffset={4}
          collisionPadding={8}
          className="appear z-50 w-72 rounded-lg border bg-raised p-3 shadow-pop"
        >
          <form
            className="space-y-3"
            onSubmit={(event) => {
              event.preventDefault()
              const typed =
                isNumeric(type) && value.trim() !== '' && Number.isFinite(Number(value))
                  ? Number(value)
                  : type === 'boolean'
                    ? value === 'true'
                    : value
              onAdd(op === 'is_missing' ? { column, op } : { column, op, value: typed })
              setValue('')
              setOpen(false)
            }}
          >
            <SelectField label="Column" value={column} choices={columns.map((one) => one.name)} onChange={setColumn} />
            <SelectField label="Condition" value={op} choices={operators} onChange={(next) => setOp(next as Condition['op'])} />
            {op !== 'is_missing' && <TextField label="Value" value={value} onChange={(event) => setValue(event.target.value)} />}
            <Button look="primary" size="sm" type="submit">
              Show only these rows
            </Button>
          </form>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  )
}
