import { Check } from '../ui/Field.tsx'
import { rules } from './rules.ts'

/** Which rules end the training of a network when they are broken; a loss that is no number always does. */
export function RulesChoice({
  options,
  onChange,
}: {
  options: Record<string, unknown>
  onChange: (options: Record<string, unknown>) => void
}) {
  const given = (options.rules ?? {}) as { stop?: string[] }
  const stop = given.stop ?? []
  const set = (next: string[]) => {
    const { rules: _, ...others } = options
    onChange(next.length ? { ...others, rules: { ...given, stop: next } } : others)
  }
  return (
    <fieldset className="mt-4 rounded-md border p-3">
      <legend className="px-1 text-sm font-medium text-soft">End the training of a network when it shows</legend>
      <div className="grid gap-x-4 gap-y-1.5 sm:grid-cols-2">
        {rules
          .filter(({ name }) => name !== 'nan_loss')
          .map(({ name, asks }) => (
            <Check
              key={name}
              label={asks}
              checked={stop.includes(name)}
              onChange={(on) => set(on ? [...stop, name] : stop.filter((one) => one !== name))}
            />
          ))}
      </div>
      <p className="mt-2 text-xs text-faint">Networks only. The rules watch in any case; a broken one is a warning.</p>
    </fieldset>
  )
}
