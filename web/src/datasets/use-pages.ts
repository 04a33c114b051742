import type { Column, Rows } from '@atoll/sdk'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { atoll } from '../api.ts'

export const pageSize = 200

/** Pages of rows by number, fetched when they come into view, kept while the question stays the same. */
export function usePages(
  dataset: string,
  query: Record<string, string | undefined>,
  columns: readonly Column[],
  first: Rows | undefined,
) {
  const [, renew] = useState(0)
  const key = JSON.stringify([dataset, query])
  const held = useRef({ key, pages: new Map<number, Rows>(), asked: new Set<number>() })
  if (held.current.key !== key) held.current = { key, pages: new Map(), asked: new Set() }
  if (first) held.current.pages.set(0, first)
  const timer = useRef(0)
  useEffect(() => () => window.clearTimeout(timer.current), [])

  const view = useCallback(
    (from: number, to: number) => {
      // A fast scroll passes many pages; only where it rests is fetched.
      window.clearTimeout(timer.current)
      timer.current = window.setTimeout(() => {
        const mine = held.current
        for (let page = Math.floor(from / pageSize); page <= Math.floor(Math.max(from, to - 1) / pageSize); page++) {
          if (mine.pages.has(page) || mine.asked.has(page)) continue
          mine.asked.add(page)
          atoll.datasets
            .rows(dataset, { ...query, offset: page * pageSize, limit: pageSize })
            .then((rows) => {
              mine.pages.set(page, rows)
              renew((count) => count + 1)
            })
            .catch(() => mine.asked.delete(page))
        }
      }, 60)
    },
    [dataset, query],
  )
  const names = first?.columns
  const places = useMemo(() => columns.map((column) => names?.indexOf(column.name) ?? -1), [columns, names])
  const numberAt = names?.indexOf('__row') ?? -1
  const raw = (index: number) => held.current.pages.get(Math.floor(index / pageSize))?.rows[index % pageSize] ?? null
  const row = (index: number) => {
    const cells = raw(index)
    return cells && places.map((place) => cells[place])
  }
  /** The row's number in the version, which stays its own however the rows are sorted. */
  const rowName = (index: number) => {
    const number = numberAt < 0 ? null : raw(index)?.[numberAt]
    return typeof number === 'number' ? number.toLocaleString('en') : null
  }
  return { row, rowName, view }
}
