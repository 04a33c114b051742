/** D: what a spreadsheet or a document brings along. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { onEachPlatform, type World } from '../platform-world.ts'

async function upload({ server, call, token }: World, filename: string, bytes: Buffer): Promise<string> {
  const { json } = await call('POST', '/v1/uploads', { body: { filename, sizeBytes: bytes.length } })
  const put = await fetch(`${server.url}/v1/uploads/${json.id}?offset=0`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream' },
    body: new Uint8Array(bytes),
  })
  assert.equal(put.status, 200, await put.text())
  return json.id
}

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
      const book = workbook(`<!DOCTYPE x [<!ENTITY leak SYSTEM "${system}">]>`, '&leak;')
      const reply = await world.call('POST', '/v1/datasets/detect', {
        body: { source: { upload: await upload(world, 'book.xlsx', book) } },
      })
      assert.ok(reply.status < 500, reply.text)
      assert.ok(!/CANARY|root:x:|"ok":true/.test(reply.text), reply.text)
    }
    const laughs = `<!DOCTYPE x [<!ENTITY a "${'ha'.repeat(50)}">${['b', 'c', 'd', 'e', 'f', 'g'].map((name, i) => `<!ENTITY ${name} "${`&${'abcdef'[i]};`.repeat(50)}">`).join('')}]>`
    const reply = await world.call('POST', '/v1/datasets/detect', {
      body: { source: { upload: await upload(world, 'laughs.xlsx', workbook(laughs, '&g;')) } },
    })
    assert.ok(reply.status < 500 && reply.text.length < 100_000)
    assert.equal((await world.call('GET', '/v1/health')).status, 200)
  } finally {
    await rm(folder, { recursive: true })
  }
})

/** A workbook of one cell, with something of ours before the shared strings and the sheet. */
function workbook(prologue: string, cell: string): Buffer {
  const xml = (body: string, first = '') => Buffer.from(`<?xml version="1.0" encoding="UTF-8" standalone="yes"?>${first}${body}`)
  const sheet = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main'
  const relations = 'http://schemas.openxmlformats.org/package/2006/relationships'
  const office = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
  return zip({
    '[Content_Types].xml': xml(
      '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/></Types>',
    ),
    '_rels/.rels': xml(
      `<Relationships xmlns="${relations}"><Relationship Id="rId1" Type="${office}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
    ),
    'xl/workbook.xml': xml(
      `<workbook xmlns="${sheet}" xmlns:r="${office}"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>`,
    ),
    'xl/_rels/workbook.xml.rels': xml(
      `<Relationships xmlns="${relations}"><Relationship Id="rId1" Type="${office}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="${office}/sharedStrings" Target="sharedStrings.xml"/></Relationships>`,
    ),
    'xl/worksheets/sheet1.xml': xml(
      `<worksheet xmlns="${sheet}"><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c></row><row r="2"><c r="A2" t="s"><v>1</v></c></row><row r="3"><c r="A3" t="inlineStr"><is><t>${cell}</t></is></c></row></sheetData></worksheet>`,
      prologue,
    ),
    'xl/sharedStrings.xml': xml(
      `<sst xmlns="${sheet}" count="2" uniqueCount="2"><si><t>head</t></si><si><t>${cell}</t></si></sst>`,
      prologue,
    ),
  })
}

/** A zip archive of stored entries. */
function zip(files: Record<string, Buffer>): Buffer {
  const bodies: Buffer[] = []
  const entries: Buffer[] = []
  let offset = 0
  for (const [name, data] of Object.entries(files)) {
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0)
    common.writeUInt32LE(crc32(data), 10)
    common.writeUInt32LE(data.length, 14)
    common.writeUInt32LE(data.length, 18)
    common.writeUInt16LE(name.length, 22)
    const entry = Buffer.alloc(14)
    entry.writeUInt32LE(offset, 10)
    bodies.push(Buffer.from('PK\x03\x04'), common, Buffer.from(name), data)
    entries.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), common, entry, Buffer.from(name))
    offset += 30 + name.length + data.length
  }
  const directory = Buffer.concat(entries)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(Object.keys(files).length, 8)
  end.writeUInt16LE(Object.keys(files).length, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...bodies, directory, end])
}
