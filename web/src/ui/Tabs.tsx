import { Link } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import { cx } from './cx.ts'

export interface Tab {
  id: string
  title: string
  count?: number | null
}

/** Parts of a page as links: each has its own address. */
export function Tabs({ tabs, current, label }: { tabs: readonly Tab[]; current: string; label: string }) {
  const bar = useRef<HTMLElement>(null)
  // Where the tabs are wider than the page, the current one is brought into view.
  useEffect(() => {
    const box = bar.current
    const tab = box?.querySelector<HTMLElement>(`[data-tab="${current}"]`)
    if (!box || !tab || box.scrollWidth <= box.clientWidth) return
    box.scrollLeft = Math.max(0, tab.offsetLeft - box.offsetLeft - (box.clientWidth - tab.offsetWidth) / 2)
  }, [current])
  return (
    <nav ref={bar} aria-label={label} className="-mx-4 mb-4 overflow-x-auto border-b px-4 sm:mx-0 sm:px-0">
      <ul className="flex gap-1">
        {tabs.map((tab) => (
          <li key={tab.id} data-tab={tab.id}>
            <Link
              to="."
              search={(old: Record<string, unknown>) => ({ ...old, tab: tab.id === tabs[0]?.id ? undefined : tab.id })}
              resetScroll={false}
              aria-current={tab.id === current ? 'page' : undefined}
              className={cx(
                'inline-flex h-9 items-center gap-1.5 border-b-2 px-2.5 font-medium whitespace-nowrap no-underline',
                tab.id === current ? 'border-accent text-ink' : 'border-transparent text-soft hover:text-ink',
              )}
            >
              {tab.title}
              {tab.count != null && <span className="num rounded-full bg-sunken px-1.5 text-xs text-soft">{tab.count}</span>}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  )
}

/** The chosen tab, or the first when the address names none that exists. */
export const tabOf = (tabs: readonly Tab[], wanted: string | undefined): string =>
  tabs.find((tab) => tab.id === wanted)?.id ?? tabs[0]?.id ?? ''
