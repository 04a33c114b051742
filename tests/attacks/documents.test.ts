/** D: what a spreadsheet or a document brings along. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onEachPlatform, type World } from '../platform-world.ts'
import { uploadBytes as upload } from './upload.ts'
import { workbook, zip } from './zip.ts'

async function importTable(world: World, name: string, filename: string, bytes: Buffer): Promise<void> {
  const made = await world.call('POST', '/v1/datasets', {
    body: { name, source: { upload: await upload(world, filename, bytes) } },
  })
  assert.equal(made.status, 201, made.text)
  for (let i = 0; i < 300; i++) {
    const { json } = await world.call('GET', `/v1/jobs/${made.json.job}`)
    if (json.state === 'succeeded') return
    assert.notEqual(json.state, 'failed', JSON.stringify(json.failure))
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  assert.fail('the import did not end')
}

onEachPlatform('D5: a cell that a spreadsheet would run comes out as text, and numbers stay numbers', async (world) => {
  await world.platform.startWorkers()
  const cells = ['=cmd|"/C calc"!A0', '+1+1', '-2+3', '@SUM(1)', '=HYPERLINK("https://evil.example")', 'plain', '\tx', '\rx']
  const csv = ['"=head",amount', ...cells.map((cell, i) => `"${cell.replaceAll('"', '""')}",${-i - 0.5}`)].join('\n')
  await importTable(world, 'Formulas', 'formulas.csv', Buffer.from(csv))
  const { text } = await world.call('GET', '/v1/datasets/Formulas/export?format=csv')
  const lines = text.trim().split(/\n(?=[^\n]*,-?[\d.]+|"?'?=head)/)
  assert.ok(lines.length >= cells.length, text)
  for (const line of lines) assert.ok(!/^"?[=+@\t\r-]/.test(line), JSON.stringify(line))
  assert.match(text, /,-0\.5/, 'a negative number is no formula')
})

onEachPlatform('D6: a workbook that names a file of ours gets none of it', async (world) => {
  await world.platform.startWorkers()
  const folder = await mkdtemp(join(tmpdir(), 'atoll-xxe-'))
  try {
    await writeFile(join(folder, 'canary.txt'), 'CANARY')
    for (const system of [
      `file://${join(folder, 'canary.txt')}`,
      'file:///etc/passwd',
      `http://127.0.0.1:${world.port}/v1/health`,
    ]) {
      const book = zip(workbook(`<!DOCTYPE x [<!ENTITY leak SYSTEM "${system}">]>`, '&leak;'))
      const reply = await world.call('POST', '/v1/datasets/detect', {
        body: { source: { upload: await upload(world, 'book.xlsx', book) } },
      })
      assert.ok(reply.status < 500, reply.text)
      assert.ok(!/CANARY|root:x:|"ok":true/.test(reply.text), reply.text)
    }
    const laughs = `<!DOCTYPE x [<!ENTITY a "${'ha'.repeat(50)}">${['b', 'c', 'd', 'e', 'f', 'g'].map((name, i) => `<!ENTITY ${name} "${`&${'abcdef'[i]};`.repeat(50)}">`).join('')}]>`
    const reply = await world.call('POST', '/v1/datasets/detect', {
      body: { source: { upload: await upload(world, 'laughs.xlsx', zip(workbook(laughs, '&g;'))) } },
    })
    assert.ok(reply.status < 500 && reply.text.length < 100_000)
    assert.equal((await world.call('GET', '/v1/health')).status, 200)
  } finally {
    await rm(folder, { recursive: true })
  }
})
