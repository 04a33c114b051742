import type { RefObject } from 'react'
import { useEffect, useState } from 'react'

/** Which rows of a scrolled box are in view (with some beyond), for rows of one height. */
export function useRowWindow(
  box: RefObject<HTMLElement | null>,
  total: number,
  rowHeight: number,
  headerHeight = 0,
): { from: number; to: number } {
  const [range, setRange] = useState({ from: 0, to: Math.min(total, 60) })
  useEffect(() => {
    const element = box.current
    if (!element) return
    const measure = () => {
      const from = Math.max(0, Math.floor((element.scrollTop - headerHeight) / rowHeight) - 12)
      const to = Math.min(total, Math.ceil((element.scrollTop + element.clientHeight) / rowHeight) + 12)
      setRange((old) => (old.from === from && old.to === to ? old : { from, to }))
    }
    measure()
    element.addEventListener('scroll', measure, { passive: true })
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    return () => {
      element.removeEventListener('scroll', measure)
      observer.disconnect()
    }
  }, [box, total, rowHeight, headerHeight])
  return range
}

/** Calls back when the element comes near the view: the next page of a list. */
export function useNearView(element: RefObject<HTMLElement | null>, active: boolean, seen: () => void): void {
  useEffect(() => {
    const target = element.current
    if (!target || !active) return
    const observer = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && seen(), {
      rootMargin: '400px',
    })
    observer.observe(target)
    return () => observer.disconnect()
  })
}
