import type { CheckInput, CheckKind } from '@atoll/sdk'
import { Check } from '../ui/Field.tsx'
import { checkWords, withKind } from './checks.ts'

/** Which checks a monitor is made of. */
export function CheckPicker({ value, onChange }: { value: readonly CheckInput[]; onChange: (value: CheckInput[]) => void }) {
  const chosen = new Set(value.map(({ kind }) => kind))
  const all = Object.keys(checkWords) as CheckKind[]
  const toggle = (kind: CheckKind, isWanted: boolean) =>
    onChange(all.filter((one) => (one === kind ? isWanted : chosen.has(one))).map((one) => withKind(value, one)))
  return (
    <fieldset className="grid gap-x-6 gap-y-3 sm:grid-cols-2">
      <legend className="mb-2 text-sm text-soft">Checks; their false alarms are bounded together.</legend>
      {all.map((kind) => (
        <Check
          key={kind}
          label={checkWords[kind].title}
          hint={checkWords[kind].asks}
          checked={chosen.has(kind)}
          onChange={(isWanted) => toggle(kind, isWanted)}
        />
      ))}
    </fieldset>
  )
}
