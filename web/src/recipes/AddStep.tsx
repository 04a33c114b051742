import type { StepInfo } from '@atoll/sdk'
import { Plus } from 'lucide-react'
import { Popover } from 'radix-ui'
import { useState } from 'react'
import { Button } from '../ui/Button.tsx'

/** The catalogue, found by word. */
export function AddStep({ catalogue, onAdd }: { catalogue: readonly StepInfo[]; onAdd: (info: StepInfo) => void }) {
  const [open, setOpen] = useState(false)
  const [text, setText] = useState('')
  const found = catalogue.filter((info) =>
    `${info.title} ${info.step} ${info.subject} ${info.does}`.toLowerCase().includes(text.toLowerCase()),
  )
  const subjects = [...new Set(found.map((info) => info.subject))]
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger asChild>
        <Button icon={<Plus aria-hidden="true" className="size-4" />}>Add a step</Button>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          align="start"
          sideOffset={4}
          collisionPadding={12}
          className="appear z-50 flex max-h-[min(32rem,70vh)] w-[min(26rem,calc(100vw-2rem))] flex-col rounded-lg border bg-raised shadow-pop"
        >
          <div className="border-b p-2">
            <input
              type="search"
              aria-label="Find a step"
              placeholder="Find a step: missing, scale, date…"
              className="field"
              value={text}
              onChange={(event) => setText(event.target.value)}
            />
          </div>
          <div className="overflow-auto p-1.5">
            {subjects.map((subject) => (
              <div key={subject} role="group" aria-label={subject}>
                <p className="px-2 pt-2 pb-1 text-xs font-medium text-faint">{subject}</p>
                {found
                  .filter((info) => info.subject === subject)
                  .map((info) => (
                    <button
                      key={info.step}
                      type="button"
                      className="block w-full rounded-md px-2 py-1.5 text-left hover:bg-hover"
                      onClick={() => {
                        onAdd(info)
                        setOpen(false)
                        setText('')
                      }}
                    >
                      <span className="font-medium">{info.title}</span>
                      <span className="line-clamp-2 text-sm text-soft">{info.does}</span>
                    </button>
                  ))}
              </div>
            ))}
            {found.length === 0 && <p className="p-4 text-center text-soft">No step has these words.</p>}
          </div>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  )
}
