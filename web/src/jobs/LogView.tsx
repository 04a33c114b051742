import type { JobEvent } from '@atoll/sdk'
import { ArrowDown } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { Button } from '../ui/Button.tsx'
import { download } from '../ui/csv.ts'
import { cx } from '../ui/cx.ts'

interface LogLine {
  at: string
  level: string
  text: string
}

/** What of a job's events reads as a log. */
export function logLines(events: readonly JobEvent[]): LogLine[] {
  return events.flatMap((event) => {
    const { data } = event
    if (event.type === 'log') return [{ at: event.at, level: String(data.level ?? 'info'), text: String(data.message ?? '') }]
    if (event.type === 'warning') return [{ at: event.at, level: 'warning', text: String(data.message ?? '') }]
    if (event.type === 'state')
      return [{ at: event.at, level: 'state', text: [data.state, data.message].filter(Boolean).join(': ') }]
    return []
  })
}

const colours: Record<string, string> = { error: 'text-bad', warning: 'text-warn', debug: 'text-faint', state: 'text-accent' }

/** The log, followed while one stands at its end. */
export function LogView({ lines, name, live }: { lines: readonly LogLine[]; name: string; live: boolean }) {
  const box = useRef<HTMLDivElement>(null)
  const [follow, setFollow] = useState(true)
  const [text, setText] = useState('')
  const shown = text ? lines.filter((line) => line.text.toLowerCase().includes(text.toLowerCase())) : lines
  const visible = shown.slice(-3000)
  // Each new line moves the view when it follows.
  useEffect(() => {
    if (follow && box.current) box.current.scrollTop = box.current.scrollHeight
  }, [visible.length, follow])
  return (
    <div>
      <div className="mb-2 flex flex-wrap items-center justify-between gap-2">
        <input
          type="search"
          aria-label="Find in the log"
          placeholder="Find in the log"
          className="field h-7 w-56 text-sm"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <div className="flex gap-2">
          {!follow && live && (
            <Button size="sm" onClick={() => setFollow(true)} icon={<ArrowDown aria-hidden="true" className="size-3.5" />}>
              Follow
            </Button>
          )}
          <Button
            size="sm"
            onClick={() =>
              download(
                `${name}.log`,
                lines.map((line) => `${line.at} ${line.level.padEnd(7)} ${line.text}`).join('\n'),
                'text/plain',
              )
            }
          >
            Save
          </Button>
        </div>
      </div>
      <div
        ref={box}
        tabIndex={0}
        role="log"
        aria-label="Log"
        aria-live="off"
        className="num h-80 overflow-auto rounded-md border bg-sunken p-3 text-[0.78rem] leading-5"
        onScroll={(event) => {
          const { scrollTop, scrollHeight, clientHeight } = event.currentTarget
          setFollow(scrollHeight - scrollTop - clientHeight < 30)
        }}
      >
        {shown.length > visible.length && (
          <p className="text-faint">{shown.length - visible.length} earlier lines are in the saved file.</p>
        )}
        {visible.map((line, at) => (
          <p key={at} className="flex gap-3 whitespace-pre-wrap">
            <time dateTime={line.at} className="shrink-0 text-faint select-none">
              {line.at.slice(11, 19)}
            </time>
            <span className={cx('min-w-0 break-words', colours[line.level])}>{line.text}</span>
          </p>
        ))}
        {visible.length === 0 && (
          <p className="text-faint">{text ? 'No line has these words.' : live ? 'Nothing yet.' : 'It said nothing.'}</p>
        )}
      </div>
    </div>
  )
}
