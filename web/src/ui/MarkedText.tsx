import type { ReactNode } from 'react'
import { colourOf } from '../charts/series.ts'

export interface Mark {
  /** In characters (Unicode code points), the end not included. */
  start: number
  end: number
  label: string
  score?: number
}

/** A text with its marked places: each underlined in its label's colour and named beside it, so that colour is not the only sign. */
export function MarkedText({ text, marks, labels }: { text: string; marks: readonly Mark[]; labels: readonly string[] }) {
  const signs = [...text]
  const parts: ReactNode[] = []
  let at = 0
  for (const mark of [...marks].sort((a, b) => a.start - b.start)) {
    if (mark.start < at || mark.end > signs.length) continue
    parts.push(signs.slice(at, mark.start).join(''))
    const colour = colourOf(Math.max(0, labels.indexOf(mark.label)))
    parts.push(
      <mark
        key={mark.start}
        className="rounded-sm bg-transparent px-0.5 text-ink"
        style={{ boxShadow: `inset 0 -2px ${colour}` }}
        title={mark.score === undefined ? mark.label : `${mark.label}, ${Math.round(100 * mark.score)} %`}
      >
        {signs.slice(mark.start, mark.end).join('')}
        <span className="ml-1 align-super text-[0.65rem] text-soft">{mark.label}</span>
      </mark>,
    )
    at = mark.end
  }
  parts.push(signs.slice(at).join(''))
  return <p className="whitespace-pre-wrap break-words leading-relaxed">{parts}</p>
}
