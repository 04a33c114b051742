import type { InputHTMLAttributes, ReactNode, SelectHTMLAttributes, TextareaHTMLAttributes } from 'react'
import { useId } from 'react'
import { cx } from './cx.ts'

interface FieldProps {
  label: ReactNode
  hint?: ReactNode
  error?: string | null
  className?: string
  children: (ids: { id: string; 'aria-describedby'?: string; 'aria-invalid'?: true }) => ReactNode
}

/** A labelled control with a hint below it, or the error in its place. */
export function Field({ label, hint, error, className, children }: FieldProps) {
  const id = useId()
  const note = error ?? hint
  return (
    <div className={cx('min-w-0', className)}>
      <label htmlFor={id} className="mb-1 block text-sm font-medium text-soft">
        {label}
      </label>
      {children({ id, 'aria-describedby': note ? `${id}-note` : undefined, 'aria-invalid': error ? true : undefined })}
      {note && (
        <p id={`${id}-note`} className={cx('mt-1 text-xs', error ? 'text-bad' : 'text-faint')}>
          {note}
        </p>
      )}
    </div>
  )
}

type Common = { label: ReactNode; hint?: ReactNode; error?: string | null; wrap?: string }

export function TextField({ label, hint, error, wrap, className, ...rest }: Common & InputHTMLAttributes<HTMLInputElement>) {
  return (
    <Field label={label} hint={hint} error={error} className={wrap}>
      {(ids) => <input type="text" autoComplete="off" {...rest} {...ids} className={cx('field', className)} />}
    </Field>
  )
}

interface NumberFieldProps extends Common, Omit<InputHTMLAttributes<HTMLInputElement>, 'value' | 'onChange'> {
  value: number | null
  onChange: (value: number | null) => void
}

/** A number or nothing; what is typed stays as typed until it is a number. */
export function NumberField({ label, hint, error, wrap, className, value, onChange, ...rest }: NumberFieldProps) {
  return (
    <Field label={label} hint={hint} error={error} className={wrap}>
      {(ids) => (
        <input
          type="number"
          step="any"
          inputMode="decimal"
          {...rest}
          {...ids}
          className={cx('field num text-right', className)}
          defaultValue={value ?? ''}
          onChange={(event) => {
            const text = event.target.value
            onChange(text === '' || !Number.isFinite(Number(text)) ? null : Number(text))
          }}
        />
      )}
    </Field>
  )
}

export interface Choice {
  value: string
  label: string
  disabled?: boolean
}

interface SelectFieldProps extends Common, Omit<SelectHTMLAttributes<HTMLSelectElement>, 'onChange'> {
  choices: readonly (Choice | string)[]
  onChange: (value: string) => void
}

export function SelectField({ label, hint, error, wrap, className, choices, onChange, ...rest }: SelectFieldProps) {
  return (
    <Field label={label} hint={hint} error={error} className={wrap}>
      {(ids) => (
        <select {...rest} {...ids} className={cx('field pr-7', className)} onChange={(event) => onChange(event.target.value)}>
          {choices.map((choice) => {
            const {
              value,
              label: text,
              disabled,
            } = typeof choice === 'string' ? { value: choice, label: choice, disabled: false } : choice
            return (
              <option key={value} value={value} disabled={disabled}>
                {text}
              </option>
            )
          })}
        </select>
      )}
    </Field>
  )
}

export function TextareaField({
  label,
  hint,
  error,
  wrap,
  className,
  ...rest
}: Common & TextareaHTMLAttributes<HTMLTextAreaElement>) {
  return (
    <Field label={label} hint={hint} error={error} className={wrap}>
      {(ids) => <textarea rows={3} {...rest} {...ids} className={cx('field h-auto py-1.5', className)} />}
    </Field>
  )
}

interface CheckProps extends Omit<InputHTMLAttributes<HTMLInputElement>, 'onChange'> {
  label: ReactNode
  hint?: ReactNode
  onChange: (checked: boolean) => void
}

export function Check({ label, hint, onChange, className, ...rest }: CheckProps) {
  return (
    <label className={cx('flex items-start gap-2 text-base', className)}>
      <input type="checkbox" {...rest} className="mt-0.5 size-4 shrink-0" onChange={(event) => onChange(event.target.checked)} />
      <span className="min-w-0">
        {label}
        {hint && <span className="block text-xs text-faint">{hint}</span>}
      </span>
    </label>
  )
}

interface SegmentedProps<T extends string> {
  label: string
  value: T
  choices: readonly { value: T; label: ReactNode; title?: string }[]
  onChange: (value: T) => void
  size?: 'sm' | 'md'
}

/** A few exclusive choices in a row. */
export function Segmented<T extends string>({ label, value, choices, onChange, size = 'md' }: SegmentedProps<T>) {
  const name = useId()
  return (
    <fieldset className="inline-flex max-w-full flex-wrap rounded-md border border-strong bg-surface p-0.5">
      <legend className="sr-only">{label}</legend>
      {choices.map((choice) => (
        <label
          key={choice.value}
          title={choice.title}
          className={cx(
            'cursor-pointer rounded-[4px] px-2.5 font-medium has-focus-visible:outline-2 has-focus-visible:outline-accent',
            size === 'md' ? 'py-1 text-sm' : 'py-0.5 text-xs',
            choice.value === value ? 'bg-accent-soft text-accent' : 'text-soft hover:bg-hover',
          )}
        >
          <input
            type="radio"
            name={name}
            className="sr-only"
            checked={choice.value === value}
            onChange={() => onChange(choice.value)}
          />
          {choice.label}
        </label>
      ))}
    </fieldset>
  )
}
