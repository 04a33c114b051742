import DOMPurify from 'dompurify'
import { marked } from 'marked'
import { useMemo } from 'react'
import { markdownRules } from './markdown-rules.ts'

/** Markdown as safe HTML. */
export function Markdown({ text }: { text: string }) {
  const html = useMemo(() => DOMPurify.sanitize(marked.parse(text, { async: false, gfm: true }), markdownRules), [text])
  return <div className="prose" dangerouslySetInnerHTML={{ __html: html }} />
}
