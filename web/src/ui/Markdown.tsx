import DOMPurify from 'dompurify'
import { marked } from 'marked'
import { useMemo } from 'react'

/** Markdown as safe HTML: no scripts, no styles, no remote pictures. */
export function Markdown({ text }: { text: string }) {
  const html = useMemo(
    () =>
      DOMPurify.sanitize(marked.parse(text, { async: false, gfm: true }), {
        FORBID_TAGS: ['style', 'img', 'iframe', 'form', 'input', 'video', 'audio', 'object', 'embed', 'svg', 'math'],
        FORBID_ATTR: ['style', 'class', 'id'],
        ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|#|\/(?!\/))/i,
      }),
    [text],
  )
  return <div className="prose" dangerouslySetInnerHTML={{ __html: html }} />
}
