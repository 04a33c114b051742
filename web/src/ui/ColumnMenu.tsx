import { SlidersHorizontal } from 'lucide-react'
import { IconButton } from './Button.tsx'
import { Menu, MenuCheck, MenuItem, MenuLabel, MenuLine } from './Menu.tsx'

/** Which columns are shown, and the list as a file. */
export function ColumnMenu({
  columns,
  hidden,
  onChange,
  onExport,
}: {
  columns: { id: string; name: string }[]
  hidden: string[]
  onChange: (hidden: string[]) => void
  onExport?: () => void
}) {
  return (
    <Menu
      label="Columns and export"
      trigger={
        <IconButton label="Columns and export">
          <SlidersHorizontal aria-hidden="true" className="size-3.5" />
        </IconButton>
      }
    >
      <MenuLabel>Columns</MenuLabel>
      {columns.map((column) => (
        <MenuCheck
          key={column.id}
          checked={!hidden.includes(column.id)}
          onChange={(checked) => onChange(checked ? hidden.filter((id) => id !== column.id) : [...hidden, column.id])}
        >
          {column.name}
        </MenuCheck>
      ))}
      {onExport && (
        <>
          <MenuLine />
          <MenuItem onSelect={onExport}>Export the rows shown as CSV</MenuItem>
        </>
      )}
    </Menu>
  )
}
