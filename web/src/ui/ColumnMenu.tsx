import { SlidersHorizontal } from 'lucide-react'
import { IconButton } from './Button.tsx'
import { Menu, MenuCheck, MenuItem, MenuLabel, MenuLine } from './Menu.tsx'

/** Which columns are shown, and the list as a file. */
export function ColumnMenu({
  columns,
  onChange,
  onExport,
}: {
  columns: { id: string; name: string; shown: boolean }[]
  onChange: (id: string, shown: boolean) => void
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
        <MenuCheck key={column.id} checked={column.shown} onChange={(shown) => onChange(column.id, shown)}>
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
