import { SidePanel } from '../ui/SidePanel.tsx'
import { shortcutList } from './shortcuts.ts'

export default function ShortcutsHelp({ onClose }: { onClose: () => void }) {
  return (
    <SidePanel open onClose={onClose} title="Keyboard shortcuts">
      <table className="w-full">
        <caption className="sr-only">Keys and what they do</caption>
        <tbody>
          {shortcutList.map((shortcut) => (
            <tr key={shortcut.keys}>
              <th scope="row" className="border-b py-1.5 pr-4 text-left font-normal whitespace-nowrap">
                <kbd className="num rounded-md border border-strong bg-sunken px-1.5 py-0.5">{shortcut.keys}</kbd>
              </th>
              <td className="w-full border-b py-1.5 text-soft">{shortcut.does}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </SidePanel>
  )
}
