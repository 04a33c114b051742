import { Check, Copy } from 'lucide-react'
import { useState } from 'react'
import { IconButton } from './Button.tsx'
import { cx } from './cx.ts'

/** Copies a text; says so for a moment. */
export function CopyButton({ text, label = 'Copy', className }: { text: string; label?: string; className?: string }) {
  const [done, setDone] = useState(false)
  return (
    <IconButton
      label={done ? 'Copied' : label}
      className={className}
      onClick={() => {
        void navigator.clipboard.writeText(text).then(() => {
          setDone(true)
          setTimeout(() => setDone(false), 1500)
        })
      }}
    >
      {done ? <Check aria-hidden="true" className="size-3.5 text-good" /> : <Copy aria-hidden="true" className="size-3.5" />}
    </IconButton>
  )
}

/** An id or address that people copy. */
export function Copyable({ text, shown }: { text: string; shown?: string }) {
  return (
    <span className="inline-flex max-w-full items-center gap-0.5 align-middle">
      <code className="num truncate text-soft">{shown ?? text}</code>
      <CopyButton text={text} label={`Copy ${text.length > 60 ? 'this' : text}`} className="size-6" />
    </span>
  )
}

/** Code with a copy button. */
export function CodeBlock({ code, label, className }: { code: string; label: string; className?: string }) {
  return (
    <div className={cx('relative rounded-md border bg-sunken', className)}>
      <pre
        role="region"
        aria-label={label}
        tabIndex={0}
        className="num max-h-96 overflow-auto p-3 pr-10 text-sm leading-relaxed break-words whitespace-pre-wrap"
      >
        {code}
      </pre>
      <CopyButton text={code} label={`Copy ${label}`} className="absolute top-1.5 right-1.5 bg-sunken" />
    </div>
  )
}
