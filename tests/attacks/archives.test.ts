/** B: archives and blobs. What is unpacked is counted and stays where it belongs; bytes are what they were said to be. */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pino } from 'pino'
import { type Headers, pack } from 'tar-stream'
import { restore } from '../../src/maintenance/restore.ts'
import { onEachPlatform } from '../platform-world.ts'
import { uploadBytes } from './upload.ts'
import { deflated, workbook, zip } from './zip.ts'

onEachPlatform(
  'B2 B3: a workbook that unpacks to more than it looks is refused early, whatever it says of itself',
  async (world) => {
    const whole = workbook('', 'cell')
    const sheet = whole.findIndex(({ name }) => name.endsWith('sheet1.xml'))
    const others = whole.toSpliced(sheet, 1)
    const zeros = Buffer.alloc(300 * 1024 ** 2)
    const packed = deflated(zeros)
    const bomb = { ...whole[sheet]!, data: zeros, packed }
    const xml = whole[sheet]!.data.toString()
    const books: Record<string, [Buffer, number]> = {
      'zeros that pack to nothing': [zip([...others, bomb]), 413],
      'a header that says less': [zip([...others, { ...bomb, says: 100 }]), 413],
      'a header that says 4 GB': [
        zip([...others, { ...whole[sheet]!, packed: deflated(whole[sheet]!.data), says: 0xffff_fff0 }]),
        200,
      ],
      'a thousand entries over the same bytes': [
        zip(
          Array.from({ length: 1000 }, (_, i) => ({
            name: `xl/a${i}.xml`,
            data: zeros,
            packed: deflated(zeros.subarray(0, 4 << 20)),
          })),
          { sharedData: true },
        ),
        413,
      ],
      'more entries than anybody has': [
        zip(Array.from({ length: 20_000 }, (_, i) => ({ name: `xl/${i}.xml`, data: Buffer.alloc(0) }))),
        413,
      ],
      'a cell in the last column': [
        zip(
          workbook('', 'cell').map((file) =>
            file.name.endsWith('sheet1.xml') ? { ...file, data: Buffer.from(xml.replace('r="A1"', 'r="XFD1"')) } : file,
          ),
        ),
        413,
      ],
      'an archive in an archive': [zip([{ name: 'xl/workbook.xml', data: zip(whole) }]), 415],
      'names that climb': [
        zip([
          ...whole,
          ...['../climbed.xml', '/climbed.xml', 'C:\\climbed.xml', 'a\\..\\..\\climbed.xml'].map((name) => ({
            name,
            data: Buffer.from('<x/>'),
          })),
        ]),
        200,
      ],
    }
    for (const [name, [book, want]] of Object.entries(books)) {
      const started = performance.now()
      const { status, text } = await world.call('POST', '/v1/datasets/detect', {
        body: { source: { upload: await uploadBytes(world, 'book.xlsx', book) } },
      })
      assert.equal(status, want, `${name}: ${text.slice(0, 300)}`)
      assert.ok(performance.now() - started < 15_000, name)
      if (want === 413) assert.match(text, /The workbook is too large to be read/)
    }
    assert.deepEqual(
      (await readdir(world.dataDir, { recursive: true })).filter((name) => name.includes('climbed')),
      [],
    )
    assert.equal((await world.call('GET', '/v1/health')).status, 200)
  },
)

onEachPlatform('B4 B5: folders are private, bytes are what was announced, and a hash opens nothing', async (world) => {
  const { call, dataDir } = world
  const announced = await call('POST', '/v1/uploads', { body: { filename: 'a.csv', sizeBytes: 8, sha256: '0'.repeat(64) } })
  const put = await fetch(`${world.server.url}/v1/uploads/${announced.json.id}?offset=0`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${world.token}`, 'content-type': 'application/octet-stream' },
    body: 'a,b\n1,2\n',
  })
  assert.ok(put.status >= 400 && put.status < 500, await put.text())
  const { sha256 } = await world.platform.blobs.put('the rows of somebody else')
  const mallory = await world.person('Mallory', 'editor')
  for (const path of [
    `/v1/uploads/${sha256}`,
    `/v1/datasets/${sha256}`,
    `/v1/blobs/${sha256}`,
    `/v1/runs/${sha256}/artifacts/${sha256}`,
  ])
    assert.equal((await call('GET', path, { token: mallory.token })).status, 404, path)
  for (const body of [
    { name: 'mine', source: { upload: sha256 } },
    { name: 'mine', source: { sha256 } },
    { name: 'mine', source: { upload: announced.json.id, sha256 } },
  ]) {
    const { status, text } = await call('POST', '/v1/datasets', { token: mallory.token, body })
    assert.ok(status >= 400 && status < 500, text)
  }
  for (const name of ['', ...(await readdir(dataDir, { recursive: true }))]) {
    const { mode } = await stat(join(dataDir, name))
    assert.equal(mode & 0o022, 0, `${name || 'the data folder'} can be written by others: ${mode.toString(8)}`)
  }
})

test('B1 B2: a backup made by somebody else lays nothing outside, by name or by link', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'atoll-tar-'))
  try {
    const outside = join(folder, 'outside')
    await writeFile(outside, 'CANARY')
    const attacks: (Partial<Headers> & { name: string })[][] = [
      [{ name: '../climbed' }],
      [{ name: '/climbed' }],
      [{ name: join(folder, 'climbed') }],
      [{ name: 'blobs/../../climbed' }],
      [{ name: `blobs/../../${'a'.repeat(64)}` }],
      [{ name: 'atoll.db', type: 'symlink', linkname: outside }],
      [{ name: 'atoll.db', type: 'link', linkname: outside }],
      [{ name: 'blobs', type: 'symlink', linkname: folder }, { name: `blobs/${'a'.repeat(64)}` }],
      [{ name: 'manifest.json', type: 'fifo' }],
      [{ name: 'atoll.db', type: 'character-device' }],
      [{ name: `blobs/${'a'.repeat(64)}` }],
    ]
    for (const [n, entries] of attacks.entries()) {
      const archive = pack()
      for (const header of entries) archive.entry(header, header.type ? '' : 'EVIL')
      archive.finalize()
      const file = join(folder, `${n}.tar`)
      const pieces: Buffer[] = []
      for await (const piece of archive) pieces.push(piece as Buffer)
      await writeFile(file, Buffer.concat(pieces))
      await assert.rejects(restore(file, join(folder, `data-${n}`), pino({ level: 'silent' })), JSON.stringify(entries))
    }
    assert.equal(await readFile(outside, 'utf8'), 'CANARY')
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name !== 'outside' && !name.endsWith('.tar')),
      [],
      'nothing is left behind',
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
