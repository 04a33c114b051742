import { atoll, changed } from '../api.ts'
import { say, sayError } from '../ui/toast.tsx'

/** Says that a thing is in the bin, with the way back; `lists` are what shows it. */
export function sayDeleted({ id, name }: { id: string; name: string }, ...lists: string[]): void {
  changed('bin', ...lists)
  const restore = () => atoll.bin.restore(id).then(() => changed('bin', ...lists), sayError)
  say(`${name} is in the bin.`, { action: { label: 'Undo', run: () => void restore() } })
}
