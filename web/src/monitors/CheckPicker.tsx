import type { CheckInput, CheckKind } from '@atoll/sdk'
import { ChevronDown } from 'lucide-react'
import { useState } from 'react'
import { Check } from '../ui/Field.tsx'
import { CheckSettings } from './CheckSettings.tsx'
import { changedFields, checkFields, type Watched } from './check-fields.ts'
import { checkWords, withKind } from './checks.ts'

interface CheckPickerProps {
  value: readonly CheckInput[]
  endpoint: Watched | undefined
  onChange: (value: CheckInput[]) => void
  errorFor: (field: string) => string | null
}

/** Which checks a monitor is made of, and how each is set. */
export function CheckPicker({ value, endpoint, onChange, errorFor }: CheckPickerProps) {
  const all = Object.keys(checkWords) as CheckKind[]
  const chosen = new Set(value.map(({ kind }) => kind))
  const [open, setOpen] = useState<ReadonlySet<CheckKind>>(new Set())
  const toggle = (kind: CheckKind, isWanted: boolean) =>
    onChange(all.filter((one) => (one === kind ? isWanted : chosen.has(one))).map((one) => withKind(value, one)))
  const change = (next: CheckInput) => onChange(value.map((check) => (check.kind === next.kind ? next : check)))
  const openOrClose = (kind: CheckKind) =>
    setOpen((before) => new Set(before.has(kind) ? [...before].filter((one) => one !== kind) : [...before, kind]))
  return (
    <fieldset>
      <legend className="mb-2 text-sm text-soft">Checks; their false alarms are bounded together.</legend>
      <ul className="divide-y rounded-md border">
        {all.map((kind) => {
          const at = value.findIndex((check) => check.kind === kind)
          const check = value[at]
          const complaint = (setting: string) => errorFor(`checks[${at}].settings.${setting}`)
          const isWrong = check !== undefined && hasComplaint(check, complaint)
          const isOpen = check !== undefined && (open.has(kind) || isWrong)
          return (
            <li key={kind} className="px-3 py-2.5">
              <div className="flex flex-wrap items-start justify-between gap-x-4 gap-y-1">
                <Check
                  className="min-w-0 flex-1 basis-64"
                  label={checkWords[kind].title}
                  hint={checkWords[kind].asks}
                  checked={check !== undefined}
                  onChange={(isWanted) => toggle(kind, isWanted)}
                />
                {check && (
                  <button
                    type="button"
                    className="ml-6 flex items-center gap-1 rounded-md px-1.5 py-0.5 text-sm text-soft hover:bg-hover sm:ml-0"
                    aria-expanded={isOpen}
                    aria-label={`Settings of ${checkWords[kind].title}: ${settingWords(check)}`}
                    onClick={() => openOrClose(kind)}
                  >
                    {settingWords(check)}
                    <ChevronDown aria-hidden="true" className={`size-3.5 transition-transform ${isOpen ? 'rotate-180' : ''}`} />
                  </button>
                )}
              </div>
              {isOpen && (
                <div className="mt-3 border-t pt-3 pl-6">
                  <CheckSettings check={check} endpoint={endpoint} onChange={change} errorFor={complaint} />
                </div>
              )}
            </li>
          )
        })}
      </ul>
    </fieldset>
  )
}

const hasComplaint = (check: CheckInput, complaint: (setting: string) => string | null): boolean =>
  checkFields[check.kind].some(({ name }) => complaint(name) !== null)

function settingWords(check: CheckInput): string {
  const { length } = changedFields(check)
  return length === 0 ? 'usual settings' : `${length} ${length === 1 ? 'setting' : 'settings'} changed`
}
