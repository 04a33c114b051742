import type { Column } from '@atoll/sdk'
import { SlidersHorizontal } from 'lucide-react'
import { Popover } from 'radix-ui'
import { useState } from 'react'
import { Button, IconButton } from '../ui/Button.tsx'
import { Check } from '../ui/Field.tsx'
import { TypeMark } from './column-type.tsx'

/** Which columns are shown, found by name. */
export function ColumnFinder({
  columns,
  chosen,
  onChange,
}: {
  columns: readonly Column[]
  chosen: string[]
  onChange: (chosen: string[] | null) => void
}) {
  const [text, setText] = useState('')
  const found = columns.filter((column) => column.name.toLowerCase().includes(text.toLowerCase())).slice(0, 100)
  return (
    <Popover.Root>
      <Popover.Trigger asChild>
        <IconButton label="Choose columns">
          <SlidersHorizontal aria-hidden="true" className="size-3.5" />
        </IconButton>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          align="end"
          sideOffset={4}
          collisionPadding={8}
          className="appear z-50 w-72 rounded-lg border bg-raised p-3 shadow-pop"
        >
          <input
            type="search"
            aria-label="Find a column"
            placeholder="Find a column"
            className="field h-7"
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
          <div className="mt-2 max-h-72 space-y-1 overflow-auto">
            {found.map((column) => (
              <Check
                key={column.name}
                label={
                  <span className="flex items-center gap-1.5">
                    <TypeMark type={column.type} /> <span className="truncate">{column.name}</span>
                  </span>
                }
                checked={chosen.includes(column.name)}
                onChange={(on) => {
                  const now = on ? [...chosen, column.name] : chosen.filter((name) => name !== column.name)
                  if (now.length) onChange(columns.map((one) => one.name).filter((name) => now.includes(name)))
                }}
              />
            ))}
          </div>
          <Button size="sm" className="mt-3" onClick={() => onChange(null)}>
            Back to the first columns
          </Button>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  )
}
