import type { CheckInput } from '@atoll/sdk'
import { useState } from 'react'
import { binaryMetrics, multiclassMetrics, regressionMetrics } from '../goals/metrics.ts'
import { Button } from '../ui/Button.tsx'
import { Check, Field, NumberField, Segmented, SelectField, TextField } from '../ui/Field.tsx'
import {
  type CheckField,
  changedFields,
  checkFields,
  type SettingValue,
  settingOf,
  settingsOf,
  type Watched,
  withSetting,
} from './check-fields.ts'

const measures = [
  { value: 'psi', label: 'PSI (population stability index)' },
  { value: 'jensen_shannon', label: 'Jensen-Shannon distance' },
  { value: 'total_variation', label: 'total variation' },
  { value: 'wasserstein', label: 'Wasserstein, in standard deviations' },
]

interface CheckSettingsProps {
  check: CheckInput
  endpoint: Watched | undefined
  onChange: (check: CheckInput) => void
  errorFor: (setting: string) => string | null
}

/** The settings of one check: bounds, columns, sizes. */
export function CheckSettings({ check, endpoint, onChange, errorFor }: CheckSettingsProps) {
  // A number field keeps what is typed: it is drawn anew when its value comes from elsewhere.
  const [drawn, setDrawn] = useState(0)
  const settings = settingsOf(check)
  return (
    <div className="grid gap-x-4 gap-y-3 sm:grid-cols-2">
      {checkFields[check.kind].map((field) => (
        <Setting
          key={`${field.name} ${drawn}`}
          field={field}
          value={settingOf(settings, field)}
          endpoint={endpoint}
          onChange={(value) => onChange(withSetting(check, field, value))}
          error={errorFor(field.name)}
        />
      ))}
      {changedFields(check).length > 0 && (
        <div className="sm:col-span-2">
          <Button
            size="sm"
            onClick={() => {
              onChange({ kind: check.kind, settings: {} } as CheckInput)
              setDrawn(drawn + 1)
            }}
          >
            Back to the usual settings
          </Button>
        </div>
      )}
    </div>
  )
}

interface SettingProps {
  field: CheckField
  value: SettingValue
  endpoint: Watched | undefined
  onChange: (value: SettingValue | undefined) => void
  error: string | null
}

function Setting({ field, value, endpoint, onChange, error }: SettingProps) {
  const { label, hint, none, usual } = field
  const common = { label, hint, error }
  switch (field.as) {
    case 'number':
      return (
        <NumberField
          {...common}
          min={field.min}
          max={field.max}
          step={field.whole ? 1 : 'any'}
          placeholder={none ?? String(usual)}
          value={typeof value === 'number' ? value : null}
          onChange={(next) => onChange(next ?? (none ? null : undefined))}
        />
      )
    case 'measure':
      return <SelectField {...common} value={String(value)} choices={measures} onChange={onChange} />
    case 'metric': {
      const choices = [...metricsFor(endpoint)].map((metric) => ({ value: metric, label: metric.replaceAll('_', ' ') }))
      return (
        <SelectField
          {...common}
          value={String(value ?? '')}
          choices={[{ value: '', label: none! }, ...choices]}
          onChange={(next) => onChange(next || null)}
        />
      )
    }
    case 'outcome': {
      const { classes } = endpoint?.signature ?? { classes: null }
      return classes ? (
        <SelectField
          {...common}
          value={String(value ?? '')}
          choices={[{ value: '', label: none! }, ...classes]}
          onChange={(next) => onChange(next || null)}
        />
      ) : (
        <TextField
          {...common}
          placeholder={none}
          value={String(value ?? '')}
          onChange={(event) => onChange(event.target.value || null)}
        />
      )
    }
    case 'columns':
      return (
        <ColumnsSetting
          {...common}
          none={none!}
          names={endpoint?.signature.inputs.map(({ name }) => name) ?? []}
          value={Array.isArray(value) ? value : null}
          onChange={onChange}
        />
      )
  }
}

function metricsFor(endpoint: Watched | undefined): readonly string[] {
  switch (endpoint?.signature.task) {
    case 'binary':
      return binaryMetrics
    case 'multiclass':
      return multiclassMetrics
    case 'regression':
      return regressionMetrics
    default:
      return [...new Set([...binaryMetrics, ...multiclassMetrics, ...regressionMetrics])]
  }
}

interface ColumnsSettingProps {
  label: string
  error: string | null
  none: string
  names: readonly string[]
  value: readonly string[] | null
  onChange: (value: readonly string[] | null) => void
}

/** All, or some by name. */
function ColumnsSetting({ label, error, none, names, value, onChange }: ColumnsSettingProps) {
  const [isOwn, setOwn] = useState(value !== null)
  const [text, setText] = useState('')
  const chosen = value ?? []
  const found = [...new Set([...names, ...chosen])].filter((name) => name.toLowerCase().includes(text.toLowerCase()))
  return (
    <Field
      label={label}
      error={error ?? (isOwn && chosen.length === 0 ? `Choose one, or else: ${none}.` : null)}
      className="sm:col-span-2"
    >
      {(ids) => (
        <div {...ids}>
          <Segmented
            label={label}
            size="sm"
            value={isOwn ? 'own' : 'none'}
            choices={[
              { value: 'none', label: none },
              { value: 'own', label: 'chosen ones' },
            ]}
            onChange={(next) => {
              setOwn(next === 'own')
              if (next === 'none') onChange(null)
            }}
          />
          {isOwn && (
            <div className="mt-2 rounded-md border p-2">
              {names.length > 12 && (
                <input
                  type="search"
                  aria-label="Find a column"
                  placeholder="Find a column"
                  className="field mb-2 h-7 text-sm"
                  value={text}
                  onChange={(event) => setText(event.target.value)}
                />
              )}
              <div className="grid max-h-44 gap-x-4 gap-y-1 overflow-auto sm:grid-cols-2">
                {found.map((name) => (
                  <Check
                    key={name}
                    label={<span className="break-words">{name}</span>}
                    checked={chosen.includes(name)}
                    onChange={(on) => {
                      const next = on ? [...chosen, name] : chosen.filter((one) => one !== name)
                      onChange(next.length > 0 ? next : null)
                    }}
                  />
                ))}
              </div>
            </div>
          )}
        </div>
      )}
    </Field>
  )
}
