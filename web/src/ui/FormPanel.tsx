import { useMutation } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { changed, complaintOf } from '../api.ts'
import { Button } from './Button.tsx'
import { FormRefusal } from './FormRefusal.tsx'
import { SidePanel } from './SidePanel.tsx'
import { say } from './toast.tsx'

interface FormPanelProps {
  title: string
  onClose: () => void
  save: () => Promise<unknown>
  /** What is to be read anew once it is saved. */
  changes: string[]
  wide?: boolean
  children: (errorFor: (field: string) => string | null) => ReactNode
}

/** A panel that changes one thing: its fields, what was refused at each, and one button. */
export function FormPanel({ title, onClose, save, changes, wide, children }: FormPanelProps) {
  const saving = useMutation({
    mutationFn: save,
    onSuccess: () => {
      changed(...changes)
      say('Saved.')
      onClose()
    },
  })
  const errorFor = (field: string) => complaintOf(saving.error, field)
  return (
    <SidePanel open onClose={onClose} title={title} wide={wide}>
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault()
          saving.mutate()
        }}
      >
        {children(errorFor)}
        <FormRefusal error={saving.error} errorFor={errorFor} />
        <Button look="primary" type="submit" busy={saving.isPending}>
          Save
        </Button>
      </form>
    </SidePanel>
  )
}
