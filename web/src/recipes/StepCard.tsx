import type { Column, RecipePreview, RecipeStep, StepInfo } from '@atoll/sdk'
import { ArrowDown, ArrowUp, ChevronRight, Trash2 } from 'lucide-react'
import type { KeyboardEvent } from 'react'
import { IconButton } from '../ui/Button.tsx'
import { cx } from '../ui/cx.ts'
import type { JsonSchema } from '../ui/json-schema.ts'
import { SchemaForm } from '../ui/SchemaForm.tsx'
import { ColumnsField } from './ColumnsField.tsx'
import { columnsWords } from './step-list.ts'

interface StepCardProps {
  number: number
  step: RecipeStep
  info: StepInfo | undefined
  columns: readonly Column[]
  open: boolean
  readOnly: boolean
  effect?: RecipePreview['perStep'][number]
  error?: string | null
  onOpen: () => void
  onChange: (step: RecipeStep) => void
  onMove: (by: number) => void
  onRemove: () => void
}

/** One step: what it does, to which columns, what came of it; its form when open. */
export function StepCard({
  number,
  step,
  info,
  columns,
  open,
  readOnly,
  effect,
  error,
  onOpen,
  onChange,
  onMove,
  onRemove,
}: StepCardProps) {
  const { step: name, columns: chosen, ...parameters } = step
  const schema = (info?.parameters ?? {}) as JsonSchema
  const changed = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined)
  const keys = (event: KeyboardEvent) => {
    if (!event.altKey || readOnly) return
    if (event.key === 'ArrowUp') onMove(-1)
    else if (event.key === 'ArrowDown') onMove(1)
    else return
    event.preventDefault()
  }
  return (
    <li className={cx('rounded-lg border bg-surface', error && 'border-bad')}>
      <div className="flex items-center gap-1 pr-1.5 pl-2">
        <button
          type="button"
          aria-expanded={open}
          onClick={onOpen}
          onKeyDown={keys}
          className="flex min-w-0 flex-1 items-center gap-2 py-2 text-left"
        >
          <ChevronRight
            aria-hidden="true"
            className={cx('size-3.5 shrink-0 text-faint transition-transform', open && 'rotate-90')}
          />
          <span className="num w-5 shrink-0 text-right text-faint">{number}</span>
          <span className="min-w-0 flex-1">
            <span className="font-medium">{info?.title ?? name}</span>
            <span className="ml-2 text-sm text-soft">{columnsWords(chosen)}</span>
            {changed.length > 0 && !open && (
              <span className="num block truncate text-xs text-faint">
                {changed
                  .map(([key, value]) => `${key} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
                  .join(' · ')}
              </span>
            )}
          </span>
          {effect && effect.columnsBefore !== effect.columnsAfter && (
            <span className="num hidden shrink-0 text-xs text-faint sm:inline" title={effect.note}>
              {effect.columnsBefore} → {effect.columnsAfter} columns
            </span>
          )}
        </button>
        {!readOnly && (
          <>
            <IconButton label={`Move step ${number} up (Alt ↑)`} onClick={() => onMove(-1)}>
              <ArrowUp aria-hidden="true" className="size-3.5" />
            </IconButton>
            <IconButton label={`Move step ${number} down (Alt ↓)`} onClick={() => onMove(1)}>
              <ArrowDown aria-hidden="true" className="size-3.5" />
            </IconButton>
            <IconButton label={`Remove step ${number}`} onClick={onRemove}>
              <Trash2 aria-hidden="true" className="size-3.5" />
            </IconButton>
          </>
        )}
      </div>
      {error && <p className="px-9 pb-2 text-sm text-bad">{error}</p>}
      {open && info && (
        <div className="space-y-3 border-t px-4 py-3">
          <p className="text-soft">{info.does}</p>
          <fieldset disabled={readOnly} className="space-y-3">
            {schema.properties?.columns && (
              <ColumnsField
                columns={columns}
                accepts={info.accepts}
                value={chosen ?? (schema.properties.columns.default as string | undefined)}
                onChange={(next) => onChange({ ...step, columns: next })}
              />
            )}
            <SchemaForm
              schema={schema}
              leaveOut={['columns', 'step']}
              value={parameters}
              suggestions={columns.map((column) => column.name)}
              onChange={(next) => onChange({ step: name, ...(chosen !== undefined && { columns: chosen }), ...next })}
            />
          </fieldset>
          <dl className="grid gap-x-6 gap-y-1 text-sm text-soft sm:grid-cols-2">
            <div>
              <dt className="inline text-faint">Missing when serving: </dt>
              <dd className="inline">{info.missing}</dd>
            </div>
            <div>
              <dt className="inline text-faint">Unseen when serving: </dt>
              <dd className="inline">{info.unseen}</dd>
            </div>
            {info.trainingOnly && <div className="text-warn">Works on training rows only; served rows pass through.</div>}
            {effect?.note && <div className="sm:col-span-2">{effect.note}</div>}
          </dl>
        </div>
      )}
    </li>
  )
}
