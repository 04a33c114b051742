import { SelectField, TextField } from '../ui/Field.tsx'
import { schedules } from './schedules.ts'

interface ScheduleFieldProps {
  label: string
  /** Cron, UTC; null: never by itself. */
  value: string | null
  onChange: (schedule: string | null) => void
  error: string | null
}

/** One of the usual times, or cron. */
export function ScheduleField({ label, value, onChange, error }: ScheduleFieldProps) {
  const isOwn = value !== null && !schedules.some((one) => one.value === value)
  return (
    <>
      <SelectField
        label={label}
        value={isOwn ? 'own' : (value ?? '')}
        choices={[...schedules, { value: 'own', label: 'another (cron)' }]}
        onChange={(next) => onChange(next === 'own' ? '30 5 * * *' : next || null)}
        error={isOwn ? null : error}
      />
      {isOwn && (
        <TextField
          label="Cron, UTC"
          className="num"
          value={value}
          onChange={(event) => onChange(event.target.value)}
          error={error}
        />
      )}
    </>
  )
}
