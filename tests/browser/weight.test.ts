import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { root } from './product.ts'

const dist = join(root, 'web', 'dist')

test('the script that any page needs first is at most 300 KB, compressed', {
  skip: existsSync(dist) ? false : 'web/dist is not built',
}, () => {
  const first = new Set<string>()
  const html = readFileSync(join(dist, 'index.html'), 'utf8')
  for (const [, path] of html.matchAll(/(?:src|href)="\/(assets\/[^"]+\.js)"/g)) add(path!)
  assert.ok(first.size > 0, 'scripts were found')
  const bytes = [...first].map((path) => gzipSync(readFileSync(join(dist, path))).length).reduce((sum, size) => sum + size, 0)
  assert.ok(bytes <= 300_000, `${first.size} scripts have ${bytes} bytes`)

  /** With what it imports statically, and so on. */
  function add(path: string): void {
    if (first.has(path)) return
    first.add(path)
    const code = readFileSync(join(dist, path), 'utf8')
    for (const [, name] of code.matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g)) add(`assets/${name}`)
  }
})
