import { DropdownMenu } from 'radix-ui'
import type { ReactNode } from 'react'
import { cx } from './cx.ts'

/** A menu under a button. */
export function Menu({
  trigger,
  children,
  align = 'end',
  label,
}: {
  trigger: ReactNode
  children: ReactNode
  align?: 'start' | 'end'
  label?: string
}) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align={align}
          sideOffset={4}
          aria-label={label}
          collisionPadding={8}
          className="appear z-50 max-h-[70vh] min-w-44 max-w-80 overflow-auto rounded-lg border bg-raised p-1 shadow-pop"
        >
          {children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  )
}

const item =
  'flex w-full cursor-pointer select-none items-center gap-2 rounded-md px-2 py-1.5 text-base outline-none data-highlighted:bg-hover data-disabled:cursor-default data-disabled:text-faint'

export function MenuItem({
  children,
  onSelect,
  disabled,
  tone,
  asChild,
}: {
  children: ReactNode
  onSelect?: () => void
  disabled?: boolean
  tone?: 'bad'
  asChild?: boolean
}) {
  return (
    <DropdownMenu.Item
      asChild={asChild}
      disabled={disabled}
      onSelect={onSelect}
      className={cx(item, tone === 'bad' && 'text-bad')}
    >
      {children}
    </DropdownMenu.Item>
  )
}

export function MenuCheck({
  children,
  checked,
  onChange,
}: {
  children: ReactNode
  checked: boolean
  onChange: (checked: boolean) => void
}) {
  return (
    <DropdownMenu.CheckboxItem
      checked={checked}
      onCheckedChange={onChange}
      onSelect={(event) => event.preventDefault()}
      className={item}
    >
      <span
        aria-hidden="true"
        className={cx(
          'grid size-4 place-items-center rounded-[4px] border border-strong text-xs',
          checked && 'border-accent bg-accent text-on-accent',
        )}
      >
        {checked && '✓'}
      </span>
      {children}
    </DropdownMenu.CheckboxItem>
  )
}

export const MenuLabel = ({ children }: { children: ReactNode }) => (
  <DropdownMenu.Label className="px-2 pt-1.5 pb-1 text-xs font-medium text-faint">{children}</DropdownMenu.Label>
)
export const MenuLine = () => <DropdownMenu.Separator className="my-1 h-px bg-line" />
