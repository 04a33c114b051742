import type { Monitor, MonitorInput } from '@atoll/sdk'
import { NumberField, SelectField, TextField } from '../ui/Field.tsx'
import { BaselineField } from './BaselineField.tsx'
import { CheckPicker } from './CheckPicker.tsx'
import type { Watched } from './check-fields.ts'
import { ScheduleField } from './ScheduleField.tsx'

export type MonitorSettings = Omit<MonitorInput, 'endpoint' | 'name' | 'project'>

/** When it looks, at what, and from when on it speaks. */
export function MonitorForm({
  value,
  endpoint,
  onChange,
  errorFor,
}: {
  value: MonitorSettings
  /** What is watched, as far as it is known yet. */
  endpoint: Watched | undefined
  onChange: (value: MonitorSettings) => void
  errorFor: (field: string) => string | null
}) {
  const set = (part: Partial<MonitorSettings>) => onChange({ ...value, ...part })
  return (
    <div className="grid gap-4 sm:grid-cols-2">
      <div className="sm:col-span-2">
        <CheckPicker value={value.checks ?? []} endpoint={endpoint} onChange={(checks) => set({ checks })} errorFor={errorFor} />
        {errorFor('checks') && <p className="mt-1 text-sm text-bad">{errorFor('checks')}</p>}
      </div>
      <BaselineField
        value={(value.baseline as Monitor['baseline'] | undefined) ?? { kind: 'training' }}
        onChange={(baseline) => set({ baseline })}
        error={errorFor('baseline')}
      />
      <ScheduleField
        label="When"
        value={value.schedule ?? null}
        onChange={(schedule) => set({ schedule })}
        error={errorFor('schedule')}
      />
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
        hint="The chance of any, over all checks and columns."
        min={0.0001}
        max={0.5}
        value={value.falseAlarmRate ?? 0.01}
        onChange={(falseAlarmRate) => set({ falseAlarmRate: falseAlarmRate ?? 0.01 })}
        error={errorFor('falseAlarmRate')}
      />
      <SelectField
        label="That holds"
        hint="An hourly monitor asks 8,760 times a year."
        value={value.repeatedRuns ?? 'lord'}
        choices={[
          { value: 'lord', label: 'over all runs, from alarm to alarm' },
          { value: 'none', label: 'in each run by itself' },
        ]}
        onChange={(next) => set({ repeatedRuns: next as MonitorSettings['repeatedRuns'] })}
        error={errorFor('repeatedRuns')}
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
