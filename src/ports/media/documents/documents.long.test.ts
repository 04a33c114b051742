import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { deflateSync } from 'node:zlib'
import { openMedia } from '../open.ts'
import { pdfOf } from './testing.ts'

test('a PDF that unpacks to more memory than there is ends its reader, is named, and the next is read', {
  timeout: 120_000,
}, async () => {
  const root = mkdtempSync(join(tmpdir(), 'atoll-documents-'))
  const media = openMedia()
  try {
    const content = deflateSync(Buffer.alloc(1.5 * 1024 ** 3, ' '))
    writeFileSync(join(root, 'bomb.pdf'), pdfOf(['x'], { content }))
    writeFileSync(join(root, 'good.pdf'), pdfOf(['good']))
    const [bomb, good] = await Promise.all(
      ['bomb', 'good'].map((name) => media.document({ from: join(root, `${name}.pdf`), kind: 'pdf' })),
    )
    assert.deepEqual(bomb, { problem: 'takes more than 1 GB of memory to read' })
    assert.deepEqual(good, { pages: [{ page: 1, text: 'good' }] })
  } finally {
    await media.close()
    rmSync(root, { recursive: true, force: true })
  }
})
