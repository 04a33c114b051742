import type { ReactNode } from 'react'
import { usePageTitle } from '../app/page-title.ts'
import { cx } from './cx.ts'

/** Title, facts and actions of a page above its content. */
export function Page({
  title,
  kicker,
  lead,
  actions,
  children,
}: {
  title: string
  kicker?: ReactNode
  lead?: ReactNode
  actions?: ReactNode
  children: ReactNode
}) {
  usePageTitle(title)
  return (
    <div className="mx-auto w-full max-w-[1440px] px-4 pt-4 pb-16 sm:px-6">
      <div className="mb-4 flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
        <div className="min-w-0">
          <h1 className="flex flex-wrap items-center gap-x-2.5 gap-y-1 text-xl font-semibold tracking-tight">
            <span className="min-w-0 break-words">{title}</span>
            {kicker}
          </h1>
          {lead && <div className="mt-0.5 text-soft">{lead}</div>}
        </div>
        {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
      </div>
      {children}
    </div>
  )
}

/** A titled block. `bare` leaves out the box. */
export function Section({
  title,
  actions,
  children,
  className,
  bare,
  note,
}: {
  title?: ReactNode
  actions?: ReactNode
  children: ReactNode
  className?: string
  bare?: boolean
  note?: ReactNode
}) {
  return (
    <section className={cx('min-w-0', className)}>
      {(title || actions) && (
        <div className="mb-2 flex min-h-7 flex-wrap items-center justify-between gap-2">
          <div className="min-w-0">
            {title && <h2 className="text-lg font-semibold">{title}</h2>}
            {note && <p className="text-sm text-faint">{note}</p>}
          </div>
          {actions && <div className="flex flex-wrap items-center gap-1.5">{actions}</div>}
        </div>
      )}
      {bare ? children : <div className="rounded-lg border bg-surface p-4">{children}</div>}
    </section>
  )
}

/** A small box of the overview: a label, a figure, and what it means. */
export function Fact({ label, children, note }: { label: string; children: ReactNode; note?: ReactNode }) {
  return (
    <div className="min-w-0 rounded-lg border bg-surface px-3.5 py-2.5">
      <dt className="text-xs font-medium text-faint">{label}</dt>
      <dd className="mt-0.5 min-h-6 truncate text-lg font-medium">{children}</dd>
      {note && <dd className="text-xs text-soft">{note}</dd>}
    </div>
  )
}

export const Facts = ({ children, className }: { children: ReactNode; className?: string }) => (
  <dl className={cx('grid grid-cols-2 gap-2.5 sm:grid-cols-3 lg:grid-cols-[repeat(auto-fit,minmax(150px,1fr))]', className)}>
    {children}
  </dl>
)

/** Name and value, one a line. */
export function Details({ rows }: { rows: readonly (readonly [ReactNode, ReactNode] | null | undefined | false | '')[] }) {
  return (
    <dl className="grid grid-cols-[minmax(7rem,auto)_minmax(0,1fr)] gap-x-4 gap-y-1.5 text-base">
      {rows.map((row, at) =>
        row ? (
          <div key={at} className="contents">
            <dt className="text-faint">{row[0]}</dt>
            <dd className="min-w-0 break-words">{row[1]}</dd>
          </div>
        ) : null,
      )}
    </dl>
  )
}
