import type { ButtonHTMLAttributes, ReactNode } from 'react'
import { cx } from './cx.ts'

type Look = 'primary' | 'plain' | 'quiet' | 'danger'

const looks: Record<Look, string> = {
  primary: 'bg-accent text-on-accent border-transparent hover:brightness-110 dark:hover:brightness-105',
  plain: 'bg-surface text-ink border-strong hover:bg-hover',
  quiet: 'bg-transparent text-soft border-transparent hover:bg-hover hover:text-ink',
  danger: 'bg-surface text-bad border-strong hover:bg-bad-soft',
}

/** The classes of a button, for links that look like one. */
export const buttonClass = (look: Look = 'plain', size: 'sm' | 'md' = 'md', extra?: string): string =>
  cx(
    'inline-flex shrink-0 select-none items-center justify-center gap-1.5 whitespace-nowrap rounded-md border font-medium no-underline',
    size === 'md' ? 'h-8 px-3 text-base' : 'h-7 px-2 text-sm',
    looks[look],
    'disabled:opacity-55 disabled:hover:brightness-100 aria-disabled:opacity-55',
    extra,
  )

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: Look
  size?: 'sm' | 'md'
  busy?: boolean
  /** Why it cannot be pressed now; shown on hover and read aloud. */
  why?: string | null
  icon?: ReactNode
}

export function Button({ look = 'plain', size = 'md', busy, why, icon, className, children, disabled, ...rest }: ButtonProps) {
  const off = disabled || busy || Boolean(why)
  return (
    <button
      type="button"
      {...rest}
      disabled={off}
      title={why ?? rest.title}
      aria-busy={busy || undefined}
      className={buttonClass(look, size, className)}
    >
      {icon}
      {children}
      {busy && <span aria-hidden="true">…</span>}
    </button>
  )
}

interface IconButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  label: string
  look?: Look
}

/** A square button that is only an icon; its label is read aloud and shown on hover. */
export function IconButton({ label, look = 'quiet', className, children, ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      {...rest}
      className={cx(buttonClass(look, 'sm', 'w-7 px-0!'), className)}
    >
      {children}
    </button>
  )
}
