import { permissions } from '../../kernel/permissions.ts'
import type { RouteRecord } from '../../kernel/route.ts'
import { jsonSchema } from './openapi.ts'

/** The API as a page to read: no script, nothing from elsewhere, made from the route records. */
export function docsPage(routes: readonly RouteRecord[], version: string): string {
  const tags = [...new Set(routes.map((record) => record.tag))]
  const sections = tags.map((tag) => {
    const own = routes.filter((record) => record.tag === tag)
    return `<section id="${html(tag)}"><h2>${html(tag)}</h2>${own.map(entry).join('')}</section>`
  })
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Atoll API</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>${style}</style></head><body>
<header><h1>Atoll API</h1><p>Version ${html(version)}. The same as a machine reads it: <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1).</p>
<p>Send a personal token: <code>Authorization: Bearer atoll_pat_…</code>. Errors are <code>{"error": {"code", "message", "facts"}}</code>.
Lists take <code>cursor</code> and <code>limit</code> and answer <code>{"items", "nextCursor"}</code>. Calls that create take an <code>Idempotency-Key</code>.</p>
<nav aria-label="Subjects">${tags.map((tag) => `<a href="#${html(tag)}">${html(tag)}</a>`).join(' ')}</nav></header>
<main>${sections.join('\n')}</main></body></html>`
}

function entry(record: RouteRecord): string {
  const parts = [
    record.query && part('Query', jsonSchema(record.query, 'input')),
    record.body === 'bytes' ? '<p>Body: bytes.</p>' : record.body && part('Body', jsonSchema(record.body, 'input')),
    typeof record.returns === 'string'
      ? `<p>Answers: ${replyWords[record.returns]}.</p>`
      : part('Answers', jsonSchema(record.returns, 'output')),
    `<p>Example</p><pre>${html(example(record))}</pre>`,
  ]
  return `<details><summary><b class="${record.method}">${record.method}</b> <code>${html(record.path)}</code> <span>${html(record.summary)}</span></summary>
<p>Permission <code>${record.permission}</code> (${permissions[record.permission]}).${record.idempotent ? ' Takes an Idempotency-Key.' : ''}</p>${parts.filter(Boolean).join('')}</details>`
}

const replyWords = { nothing: 'nothing (204)', stream: 'a file', events: 'server-sent events' }

const part = (title: string, schema: unknown): string => `<p>${title}</p><pre>${html(JSON.stringify(schema, null, 2))}</pre>`

function example({ method, path, body }: RouteRecord): string {
  const send = body === 'bytes' ? ' --data-binary @FILE' : body ? ` -H 'Content-Type: application/json' -d '{…}'` : ''
  return `curl${method === 'GET' ? '' : ` -X ${method}`} -H "Authorization: Bearer $ATOLL_TOKEN"${send} "$ATOLL_URL${path}"`
}

const html = (text: string): string => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)

const style = `:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}body{max-width:72rem;margin:0 auto;padding:1rem}
nav{display:flex;flex-wrap:wrap;gap:.75rem}h2{border-bottom:1px solid #8886;text-transform:capitalize}summary{cursor:pointer;padding:.25rem 0}
summary span{opacity:.75}summary b{display:inline-block;min-width:4.5rem;font:600 .8rem ui-monospace,monospace}pre{overflow:auto;max-height:24rem;padding:.75rem;background:#8881;font-size:.8rem}
details{border-bottom:1px solid #8883}details>p,details>pre{margin-left:1.25rem}`
