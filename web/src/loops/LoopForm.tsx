import type { LoopInput } from '@atoll/sdk'
import { ScheduleField } from '../monitors/ScheduleField.tsx'
import { Check, NumberField, SelectField, TextField } from '../ui/Field.tsx'
import { Section } from '../ui/Page.tsx'
import { ruleTitles } from './words.ts'

export type LoopSettings = Pick<
  LoopInput,
  'triggers' | 'window' | 'training' | 'judge' | 'shadow' | 'rollout' | 'watch' | 'approval' | 'cooldownMinutes'
>

/** When it starts, what it learns from, what a challenger must be, and how it takes over. */
export function LoopForm({
  value,
  onChange,
  errorFor,
}: {
  value: LoopSettings
  onChange: (value: LoopSettings) => void
  errorFor: (field: string) => string | null
}) {
  const { triggers = {}, window = {}, training = {}, judge = {}, shadow = {}, rollout = {}, watch = {} } = value
  const set = <K extends keyof LoopSettings>(part: K, changes: object) =>
    onChange({ ...value, [part]: { ...(value[part] as object | undefined), ...changes } })
  const steps = rollout.steps ?? [
    { weight: 10, minutes: 15 },
    { weight: 50, minutes: 15 },
  ]
  const rule = judge.rule ?? 'better'
  return (
    <>
      <Section title="It starts when">
        <div className="grid gap-4 sm:grid-cols-2">
          <Check label="a monitor sees drift" checked={triggers.drift ?? true} onChange={(drift) => set('triggers', { drift })} />
          <Check
            label="a monitor sees that the model got worse"
            checked={triggers.decay ?? true}
            onChange={(decay) => set('triggers', { decay })}
          />
          <Check
            label="people made a new version of the data"
            checked={triggers.reviewedLabels ?? false}
            onChange={(reviewedLabels) => set('triggers', { reviewedLabels })}
          />
          <NumberField
            label="so many predictions got their truth"
            hint="Empty: not by this."
            min={1}
            step={1}
            value={triggers.newRows ?? null}
            onChange={(newRows) => set('triggers', { newRows: newRows ?? null })}
            error={errorFor('triggers.newRows')}
          />
          <ScheduleField
            label="By the clock"
            value={triggers.schedule ?? null}
            onChange={(schedule) => set('triggers', { schedule })}
            error={errorFor('schedule') ?? errorFor('triggers.schedule')}
          />
          <NumberField
            label="Not again for so many minutes"
            hint="A person may start it any time."
            min={0}
            value={value.cooldownMinutes ?? 360}
            onChange={(minutes) => onChange({ ...value, cooldownMinutes: minutes ?? 360 })}
            error={errorFor('cooldownMinutes')}
          />
        </div>
      </Section>
      <Section title="It learns from">
        <div className="grid gap-4 sm:grid-cols-2">
          <NumberField
            label="Days looked back"
            min={0.001}
            value={window.days ?? 30}
            onChange={(days) => set('window', { days: days ?? 30 })}
            error={errorFor('window.days')}
          />
          <NumberField
            label="Labelled rows at least"
            min={20}
            step={1}
            value={window.minimumRows ?? 200}
            onChange={(minimumRows) => set('window', { minimumRows: minimumRows ?? 200 })}
            error={errorFor('window.minimumRows')}
          />
          <NumberField
            label="Share sealed for judging"
            hint="The newest rows; no training sees them."
            min={0.1}
            max={0.7}
            value={window.sealedShare ?? 0.3}
            onChange={(sealedShare) => set('window', { sealedShare: sealedShare ?? 0.3 })}
            error={errorFor('window.sealedShare')}
          />
          <Check
            label="with the rows that the champion learnt from"
            checked={window.original ?? true}
            onChange={(original) => set('window', { original })}
          />
          <TextField
            label="Algorithms"
            hint="Comma separated. Empty: as the champion was made."
            value={training.algorithms?.join(', ') ?? ''}
            onChange={(event) => {
              const names = event.target.value.split(',').map((one) => one.trim())
              set('training', { algorithms: names.some(Boolean) ? names : null })
            }}
            error={errorFor('algorithms')}
          />
          <NumberField
            label="Seconds of search"
            hint="Empty: as the champion was made."
            min={1}
            value={training.budgetSeconds ?? null}
            onChange={(budgetSeconds) => set('training', { budgetSeconds: budgetSeconds ?? null })}
            error={errorFor('training.budgetSeconds')}
          />
        </div>
      </Section>
      <Section title="A challenger must be">
        <div className="grid gap-4 sm:grid-cols-2">
          <SelectField
            label="Rule"
            value={rule}
            choices={Object.entries(ruleTitles).map(([one, label]) => ({ value: one, label }))}
            onChange={(next) =>
              set('judge', {
                rule: next,
                ...(next === 'not_worse_and_fairer' && !judge.fairness && { fairness: { column: '' } }),
              })
            }
          />
          {rule === 'not_worse_and_fairer' && (
            <TextField
              label="Groups by the column"
              value={judge.fairness?.column ?? ''}
              onChange={(event) => set('judge', { fairness: { ...judge.fairness, column: event.target.value } })}
              error={errorFor('judge.fairness.column')}
            />
          )}
          {rule !== 'better' && (
            <NumberField
              label="Not worse by more than"
              hint="Of the metric of the goal."
              min={0}
              value={judge.margin ?? 0.01}
              onChange={(margin) => set('judge', { margin: margin ?? 0.01 })}
              error={errorFor('judge.margin')}
            />
          )}
          <NumberField
            label="Alpha"
            hint="How often chance alone may pass for better."
            min={0.001}
            max={0.3}
            value={judge.alpha ?? 0.05}
            onChange={(alpha) => set('judge', { alpha: alpha ?? 0.05 })}
            error={errorFor('judge.alpha')}
          />
          <Check
            label="It may miss the goal when it beats what serves"
            hint="Takes an administrator of the project."
            checked={judge.belowGoal ?? false}
            onChange={(belowGoal) => set('judge', { belowGoal })}
          />
        </div>
      </Section>
      <Section title="It takes over">
        <div className="grid gap-4 sm:grid-cols-2">
          <Check
            label="only after a person approved it"
            checked={value.approval ?? false}
            onChange={(approval) => onChange({ ...value, approval })}
          />
          <NumberField
            label="Minutes as a shadow"
            min={0}
            value={shadow.minutes ?? 60}
            onChange={(minutes) => set('shadow', { minutes: minutes ?? 60 })}
            error={errorFor('shadow.minutes')}
          />
          <NumberField
            label="Requests as a shadow, at least"
            min={0}
            step={1}
            value={shadow.minimumRequests ?? 100}
            onChange={(minimumRequests) => set('shadow', { minimumRequests: minimumRequests ?? 100 })}
            error={errorFor('shadow.minimumRequests')}
          />
          <TextField
            label="Then by so many per cent"
            hint="Comma separated; all requests after the last."
            className="num"
            value={steps.map(({ weight }) => weight).join(', ')}
            onChange={(event) => {
              const weights = event.target.value
                .split(',')
                .map(Number)
                .filter((one) => one > 0 && one <= 100)
              if (weights.length > 0) set('rollout', { steps: weights.map((weight) => ({ weight, minutes: steps[0]!.minutes })) })
            }}
            error={errorFor('rollout.steps')}
          />
          <NumberField
            label="Minutes for each step"
            min={0}
            value={steps[0]!.minutes}
            onChange={(minutes) => set('rollout', { steps: steps.map(({ weight }) => ({ weight, minutes: minutes ?? 15 })) })}
          />
          <NumberField
            label="Minutes watched afterwards"
            hint="The old version comes back when live truth turns."
            min={0}
            value={watch.minutes ?? 1440}
            onChange={(minutes) => set('watch', { minutes: minutes ?? 1440 })}
            error={errorFor('watch.minutes')}
          />
        </div>
      </Section>
    </>
  )
}
