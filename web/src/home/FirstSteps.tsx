import { useNavigate } from '@tanstack/react-router'
import { FileUp } from 'lucide-react'
import { useId } from 'react'
import { useProjectRef, useRefusal } from '../app/project.ts'
import { offerFile } from '../datasets/offered-file.ts'
import { sendFile } from '../datasets/sending.ts'
import { buttonClass } from '../ui/Button.tsx'
import { cx } from '../ui/cx.ts'
import { Notice } from '../ui/State.tsx'

const steps = [
  [
    'Add a table',
    'CSV, Excel, Parquet or JSON lines. Delimiter, encoding, dates and personal data are detected; you can correct them.',
  ],
  ['State a goal', 'Which column to predict, how good is good enough, and what each kind of error costs.'],
  ['Train', 'A baseline first, then better candidates within the time you give. The test rows stay sealed until the end.'],
  ['Deploy and watch', 'What is served is proven to be what was trained. A monitor says when the world has moved on.'],
] as const

/** An empty project: one thing to do, and what comes after it. */
export function FirstSteps() {
  const id = useId()
  const navigate = useNavigate()
  const project = useProjectRef()
  const refused = useRefusal()
  return (
    <div className="grid gap-6 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
      <div className="flex flex-col items-center justify-center rounded-lg border border-dashed border-strong bg-surface px-6 py-16 text-center">
        <FileUp aria-hidden="true" className="mb-3 size-8 text-accent" />
        <h2 className="text-xl font-semibold">Drop a table, or a folder of images, here to begin</h2>
        <p className="mt-1 mb-5 max-w-md text-soft">
          It stays on this machine. Nothing is stored before you have seen how it was read.
        </p>
        {refused ? (
          <Notice severity="info">{refused}</Notice>
        ) : (
          <label htmlFor={id} className={cx(buttonClass('primary'), 'cursor-pointer has-focus-visible:outline-2')}>
            Choose a file
            <input
              id={id}
              type="file"
              className="sr-only"
              accept=".csv,.tsv,.txt,.parquet,.jsonl,.ndjson,.xlsx,.zip,.tar,.gz,.tgz"
              onChange={(event) => {
                const file = event.target.files?.[0]
                if (!file) return
                offerFile(sendFile(file))
                void navigate({ to: '/p/$project/datasets/new', params: { project } })
              }}
            />
          </label>
        )}
      </div>
      <ol className="space-y-1">
        {steps.map(([title, text], at) => (
          <li key={title} className="flex gap-3 rounded-lg px-3 py-3">
            <span
              className={cx(
                'num grid size-6 shrink-0 place-items-center rounded-full border',
                at === 0 ? 'border-accent bg-accent-soft text-accent' : 'text-faint',
              )}
            >
              {at + 1}
            </span>
            <span>
              <span className="block font-medium">{title}</span>
              <span className="block text-soft">{text}</span>
            </span>
          </li>
        ))}
      </ol>
    </div>
  )
}
