import { Link } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { useProjectRef, useRefusal } from '../app/project.ts'
import { buttonClass } from './Button.tsx'

/** A link in the looks of a button to the page that makes a new thing; tells why when the person may not. */
export function NewLink({ to, children, search }: { to: string; children: string; search?: Record<string, string | undefined> }) {
  const project = useProjectRef()
  const refused = useRefusal()
  if (refused) {
    return (
      <button type="button" disabled title={refused} className={buttonClass('primary')}>
        {children}
      </button>
    )
  }
  return (
    <Link to={`/p/$project${to}` as '/p/$project'} params={{ project }} search={search} className={buttonClass('primary')}>
      <Plus aria-hidden="true" className="size-4" />
      {children}
    </Link>
  )
}
