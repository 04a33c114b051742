import { useNavigate } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { offerFile } from '../datasets/offered-file.ts'
import { sendDropped } from '../datasets/sending.ts'
import { useProjectRef, useRefusal } from './project.ts'

/** A file dropped anywhere on the page begins a new data set. */
export function DropAnywhere() {
  const [over, setOver] = useState(false)
  const navigate = useNavigate()
  const project = useProjectRef()
  const refused = useRefusal()
  useEffect(() => {
    let depth = 0
    const carries = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false
    const enter = (event: DragEvent) => {
      if (!carries(event)) return
      depth++
      setOver(true)
    }
    const leave = (event: DragEvent) => {
      if (!carries(event)) return
      depth = Math.max(0, depth - 1)
      if (depth === 0) setOver(false)
    }
    const allow = (event: DragEvent) => carries(event) && event.preventDefault()
    const drop = (event: DragEvent) => {
      depth = 0
      setOver(false)
      if (!event.dataTransfer?.files[0] || event.defaultPrevented) return
      event.preventDefault()
      if (refused) return
      void sendDropped(event.dataTransfer).then((sending) => {
        if (!sending) return
        offerFile(sending)
        return navigate({ to: '/p/$project/datasets/new', params: { project } })
      })
    }
    window.addEventListener('dragenter', enter)
    window.addEventListener('dragleave', leave)
    window.addEventListener('dragover', allow)
    window.addEventListener('drop', drop)
    return () => {
      window.removeEventListener('dragenter', enter)
      window.removeEventListener('dragleave', leave)
      window.removeEventListener('dragover', allow)
      window.removeEventListener('drop', drop)
    }
  }, [navigate, project, refused])
  if (!over) return null
  return (
    <div className="pointer-events-none fixed inset-3 z-60 grid place-items-center rounded-lg border-2 border-dashed border-accent bg-accent-soft/90">
      <p className="text-xl font-semibold text-accent">{refused ?? 'Drop the file or folder to add it as data'}</p>
    </div>
  )
}
