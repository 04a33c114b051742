import type { Monitor, MonitorInput } from '@atoll/sdk'
import { NumberField, SelectField, TextField } from '../ui/Field.tsx'
import { BaselineField } from './BaselineField.tsx'
import { CheckPicker } from './CheckPicker.tsx'
import { schedules } from './schedules.ts'

export type MonitorSettings = Omit<MonitorInput, 'endpoint' | 'name' | 'project'>

/** When it looks, at what, and from when on it speaks. */
export function MonitorForm({
  value,
  onChange,
  errorFor,
}: {
  value: MonitorSettings
  onChange: (value: MonitorSettings) => void
  errorFor: (field: string) => string | null
}) {
  const set = (part: Partial<MonitorSettings>) => onChange({ ...value, ...part })
  const own = value.schedule != null && !schedules.some((one) => one.value === value.schedule)
  return (
    <div className="grid gap-4 sm:grid-cols-2">
      <div className="sm:col-span-2">
        <CheckPicker value={value.checks ?? []} onChange={(checks) => set({ checks })} />
        {errorFor('checks') && <p className="mt-1 text-sm text-bad">{errorFor('checks')}</p>}
      </div>
      <BaselineField
        value={(value.baseline as Monitor['baseline'] | undefined) ?? { kind: 'training' }}
        onChange={(baseline) => set({ baseline })}
        error={errorFor('baseline')}
      />
      <SelectField
        label="When"
        value={own ? 'own' : (value.schedule ?? '')}
        choices={[...schedules, { value: 'own', label: 'another (cron)' }]}
        onChange={(next) => set({ schedule: next === 'own' ? '30 5 * * *' : next || null })}
        error={own ? null : errorFor('schedule')}
      />
      {own && (
        <TextField
          label="Cron, UTC"
          className="num"
          value={value.schedule ?? ''}
          onChange={(event) => set({ schedule: event.target.value })}
          error={errorFor('schedule')}
        />
      )}
      <NumberField
        label="Hours looked back"
        min={0.1}
        value={value.windowHours ?? 168}
        onChange={(windowHours) => set({ windowHours: windowHours ?? 168 })}
        error={errorFor('windowHours')}
      />
      <NumberField
        label="Rows at least"
        hint="With fewer, nothing is judged."
        min={10}
        step={1}
        value={value.minimumRows ?? 200}
        onChange={(minimumRows) => set({ minimumRows: minimumRows ?? 200 })}
        error={errorFor('minimumRows')}
      />
      <NumberField
        label="Warning from PSI"
        min={0}
        value={value.psiWarning ?? 0.1}
        onChange={(psiWarning) => set({ psiWarning: psiWarning ?? 0.1 })}
        error={errorFor('psiWarning')}
      />
      <NumberField
        label="Alert from PSI"
        min={0}
        value={value.psiAlert ?? 0.25}
        onChange={(psiAlert) => set({ psiAlert: psiAlert ?? 0.25 })}
        error={errorFor('psiAlert')}
      />
      <NumberField
        label="False alarms at most"
        hint="The chance of any in a run, over all checks and columns."
        min={0.0001}
        max={0.5}
        value={value.falseAlarmRate ?? 0.01}
        onChange={(falseAlarmRate) => set({ falseAlarmRate: falseAlarmRate ?? 0.01 })}
        error={errorFor('falseAlarmRate')}
      />
      <TextField
        wrap="sm:col-span-2"
        label="Webhook"
        type="url"
        placeholder="https://…"
        hint="Outbound requests are off until an administrator allows the host."
        value={value.webhookUrl ?? ''}
        onChange={(event) => set({ webhookUrl: event.target.value || null })}
        error={errorFor('webhookUrl')}
      />
      <TextField
        wrap="sm:col-span-2"
        label="Mail to"
        placeholder="ann@lab.example, bob@lab.example"
        hint="Mail leaves once an administrator has named a mail server."
        defaultValue={(value.emails ?? []).join(', ')}
        onChange={(event) =>
          set({
            emails: event.target.value
              .split(/[\s,;]+/)
              .map((one) => one.trim())
              .filter(Boolean),
          })
        }
        error={errorFor('emails')}
      />
    </div>
  )
}
