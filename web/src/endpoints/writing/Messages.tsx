import { useEffect, useRef } from 'react'
import { cx } from '../../ui/cx.ts'

export interface Message {
  role: 'user' | 'assistant'
  content: string
}

const names = { user: 'You', assistant: 'Model' }

/** A conversation from the top down, the answer that is coming at its end. Text is shown as it is: nothing in it becomes a link or an image. */
export function Messages({ messages, coming }: { messages: readonly Message[]; coming: string | null }) {
  const end = useRef<HTMLDivElement>(null)
  const all = coming === null ? messages : [...messages, { role: 'assistant' as const, content: coming }]
  useEffect(() => {
    const box = end.current
    // Whoever scrolled up to read is left there.
    if (box && box.scrollHeight - box.scrollTop - box.clientHeight < 120) box.scrollTop = box.scrollHeight
  }, [messages.length, coming])
  return (
    <div
      ref={end}
      role="log"
      aria-label="Conversation"
      aria-busy={coming !== null}
      tabIndex={0}
      className="mb-3 max-h-[28rem] min-h-40 space-y-3 overflow-y-auto rounded-md bg-sunken p-3"
    >
      {all.length === 0 && <p className="text-faint">Say something, and it answers. Requests from here count as traffic.</p>}
      {all.map(({ role, content }, at) => (
        <div key={at} className={cx('max-w-prose', role === 'user' && 'ml-auto')}>
          <p className={cx('text-xs text-faint', role === 'user' && 'text-right')}>{names[role]}</p>
          <p className={cx('rounded-md px-3 py-2 whitespace-pre-wrap', role === 'user' ? 'bg-accent-soft' : 'border bg-surface')}>
            {content || <span className="text-faint">…</span>}
          </p>
        </div>
      ))}
    </div>
  )
}
