import { X } from 'lucide-react'
import { Dialog } from 'radix-ui'
import type { ReactNode } from 'react'
import { IconButton } from './Button.tsx'

/** A panel from the right: more of one thing without leaving the page. */
export function SidePanel({
  open,
  onClose,
  title,
  children,
  wide,
}: {
  open: boolean
  onClose: () => void
  title: string
  children: ReactNode
  wide?: boolean
}) {
  return (
    <Dialog.Root open={open} onOpenChange={(now) => !now && onClose()}>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 bg-black/25" />
        <Dialog.Content
          aria-describedby={undefined}
          className={`appear fixed inset-y-0 right-0 z-50 flex w-full flex-col border-l bg-surface shadow-pop ${wide ? 'max-w-4xl' : 'max-w-lg'}`}
        >
          <div className="flex h-12 shrink-0 items-center justify-between gap-3 border-b pr-2 pl-4">
            <Dialog.Title className="truncate text-lg font-semibold">{title}</Dialog.Title>
            <Dialog.Close asChild>
              <IconButton label="Close">
                <X aria-hidden="true" className="size-4" />
              </IconButton>
            </Dialog.Close>
          </div>
          {/* Reached by Tab, so that what is longer than the window can be scrolled by keys. */}
          <div tabIndex={0} className="min-h-0 flex-1 overflow-auto p-4 -outline-offset-2">
            {children}
          </div>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}
