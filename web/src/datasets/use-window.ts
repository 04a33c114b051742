import { useEffect, useRef, useState } from 'react'

/** The lines of a long list that are in view, and its element. */
export function useWindow(lineHeight: number) {
  const box = useRef<HTMLDivElement>(null)
  const [view, setView] = useState({ top: 0, height: 600, width: 0 })
  useEffect(() => {
    const element = box.current
    if (!element) return
    let frame = 0
    const measure = () => {
      frame = 0
      setView({ top: element.scrollTop, height: element.clientHeight, width: element.clientWidth })
    }
    const later = () => {
      frame ||= requestAnimationFrame(measure)
    }
    measure()
    element.addEventListener('scroll', later, { passive: true })
    const observer = new ResizeObserver(later)
    observer.observe(element)
    return () => {
      cancelAnimationFrame(frame)
      element.removeEventListener('scroll', later)
      observer.disconnect()
    }
  }, [])
  const from = Math.max(0, Math.floor(view.top / lineHeight) - 2)
  const to = Math.ceil((view.top + view.height) / lineHeight) + 2
  return { box, width: view.width, from, to }
}
