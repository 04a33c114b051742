/** A: names, paths and addresses from outside are never places on this machine. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onEachPlatform, type World } from '../platform-world.ts'
import { resourceTables, rowMaker } from './rows.ts'

const secrets = /CANARY|root:x:/

/** A folder with a secret beside what is allowed. */
async function withCanary(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'atoll-canary-'))
  try {
    await mkdir(join(folder, 'allowed'))
    await mkdir(join(folder, 'allowed-not'))
    await writeFile(join(folder, 'allowed', 'fine.csv'), 'a,b\n1,2\n3,4\n')
    for (const name of ['canary.csv', 'allowed-not/canary.csv']) await writeFile(join(folder, name), 'CANARY,b\n1,2\n3,4\n')
    await symlink(join(folder, 'canary.csv'), join(folder, 'allowed', 'link.csv'))
    await symlink(folder, join(folder, 'allowed', 'up'))
    await work(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

const countOf = async ({ platform }: World, table: string) =>
  (await platform.metadata.db.selectFrom(table).select('id').execute()).length

onEachPlatform('A1 A2 A3 A4 A5 E7: a source names a file of an allowed folder or nothing, and leaves nothing', (world) =>
  withCanary(async (folder) => {
    const { call } = world
    const allowed = join(folder, 'allowed')
    assert.equal((await call('PATCH', '/v1/settings', { body: { importFolders: [allowed] } })).status, 200)
    const fine = await call('POST', '/v1/datasets/detect', { body: { source: { serverPath: join(allowed, 'fine.csv') } } })
    assert.equal(fine.status, 200, fine.text)
    const places = [
      '/etc/passwd',
      'file:///etc/passwd',
      'file:\\..\\..\\etc\\passwd',
      `file://${join(folder, 'canary.csv')}`,
      join(folder, 'canary.csv'),
      `${allowed}/../canary.csv`,
      `${allowed}/%2e%2e/canary.csv`,
      `${allowed}/..%2fcanary.csv`,
      `${allowed}/./../allowed-not/canary.csv`,
      join(folder, 'allowed-not/canary.csv'),
      `${allowed}/link.csv`,
      `${allowed}/up/canary.csv`,
      `${allowed}/fine.csv\u0000.csv`,
      `http:///#/../../..${folder}/canary.csv`,
      `http://localhost/?/../../..${folder}/canary.csv`,
      'ftp://localhost/canary.csv',
      'dbfs:/canary.csv',
      '/proc/self/environ',
      '/dev/stdin',
      'canary.csv',
      '~/canary.csv',
      '',
      allowed,
    ]
    for (const serverPath of places)
      for (const [path, body] of [
        ['/v1/datasets/detect', { source: { serverPath } }],
        ['/v1/datasets', { name: 'stolen', source: { serverPath } }],
        ['/v1/datasets', { name: 'stolen', source: { serverPath }, tags: ['mlflow.prompt.is_prompt'] }],
      ] as const) {
        const { status, text } = await call('POST', path, { body })
        assert.ok(status >= 400 && status < 500, `${path} ${serverPath}: ${status} ${text.slice(0, 200)}`)
        assert.ok(!secrets.test(text.replace(JSON.stringify(serverPath).slice(1, -1), '')), text)
      }
    for (const source of [
      { url: 'file:///etc/passwd' },
      { path: '/etc/passwd' },
      { upload: '../../etc/passwd' },
      { upload: 'upl_00000000000000000000000000/../x' },
      { serverPath: ['/etc/passwd'] },
      { files: { f: { filepath: '/etc/passwd' } } },
    ]) {
      const { status, text } = await call('POST', '/v1/datasets', { body: { name: 'stolen', source } })
      assert.ok(status >= 400 && status < 500 && !secrets.test(text), text)
    }
    assert.equal(await countOf(world, 'datasets'), 0)
    assert.equal(await countOf(world, 'jobs'), 0)
    assert.deepEqual(await filesNamed(world, 'canary'), [])
  }),
)

const filesNamed = async ({ dataDir }: World, part: string) =>
  (await readdir(join(dataDir, '..'), { withFileTypes: true }))
    .map((entry) => entry.name)
    .filter((name) => name.startsWith('climbed'))
    .concat((await readdir(dataDir, { recursive: true })).filter((name) => name.includes(part)))

onEachPlatform('A6 A7 A9 A13 A14 A15: a path in an address stays within the thing it belongs to', async (world) => {
  const { call, raw, port, token } = world
  const run = await call('POST', '/v1/runs', {
    body: { experiment: (await call('POST', '/v1/experiments', { body: { name: 'Paths' } })).json.id },
  })
  assert.equal(run.status, 201, run.text)
  const tables = await resourceTables(world.platform.metadata)
  const makeRow = await rowMaker(world, tables, { withVersions: true })
  const model = await makeRow(tables.find(({ name }) => name === 'models')!, (await owner(world)).id, 'team')
  const bytes = { 'content-type': 'application/octet-stream' }
  const put = await call('PUT', `/v1/runs/${run.json.id}/artifacts/plots/fine.txt`, { body: 'fine', headers: bytes })
  assert.equal(put.status, 200, put.text)
  const climbs = [
    '../../../../etc/passwd',
    '..%2f..%2f..%2f..%2fetc%2fpasswd',
    '%2e%2e/%2e%2e/%2e%2e/etc/passwd',
    '%252e%252e%252f%252e%252e%252fetc%252fpasswd',
    '..%5c..%5cetc%5cpasswd',
    '%2fetc%2fpasswd',
    'plots/../../../../etc/passwd',
    'plots%2f..%2f..%2fatoll.db',
    '....//....//etc/passwd',
    '..;/..;/etc/passwd',
    '%c0%ae%c0%ae/etc/passwd',
    'x%00.txt',
    'plots/fine.txt%00',
    'file:///etc/passwd',
  ]
  const head = `HTTP/1.1\r\nHost: localhost:${port}\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n`
  for (const climb of climbs)
    for (const base of [
      `/v1/runs/${run.json.id}/artifacts/`,
      `/v1/models/${model}/versions/1/files/`,
      `/v1/models/${model}/versions/`,
      '/v1/uploads/',
      '/v1/datasets/',
      '/v1/jobs/',
      '/v1/runtimes/',
      '/static..',
      '/assets../',
      '/docs/',
    ]) {
      const got = await raw(`GET ${base}${climb} ${head}\r\n`)
      assert.ok(!secrets.test(got), `${base}${climb}`)
      if (base.startsWith('/v1')) assert.match(got, /^HTTP\/1\.1 4\d\d/, `${base}${climb}: ${got.slice(0, 200)}`)
      const made = await raw(`POST ${base}${climb} ${head}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`)
      assert.match(made, /^HTTP\/1\.1 4\d\d/, `POST ${base}${climb}: ${made.slice(0, 200)}`)
    }
  for (const climb of [
    '../climbed',
    '..%2fclimbed',
    '%2e%2e/climbed',
    '%2ftmp%2fclimbed',
    'a/../../climbed',
    'a//climbed',
    './climbed',
    'climbed/',
    'climbed%00',
    'a%5c..%5cclimbed',
    '%0d%0aclimbed',
    '..',
  ]) {
    const made = await raw(
      `PUT /v1/runs/${run.json.id}/artifacts/${climb} ${head}Content-Type: application/octet-stream\r\nContent-Length: 4\r\n\r\nEVIL`,
    )
    assert.match(made, /^HTTP\/1\.1 4\d\d/, `PUT ${climb}: ${made.slice(0, 200)}`)
  }
  assert.deepEqual(await filesNamed(world, 'climbed'), [])
  assert.deepEqual(
    (await call('GET', `/v1/runs/${run.json.id}`)).json.artifacts.map((one: { path: string }) => one.path),
    ['plots/fine.txt'],
  )
  assert.equal((await call('DELETE', `/v1/uploads/..%2f..%2fatoll.db`)).status, 404)
})

const owner = async ({ call }: World) => (await call('GET', '/v1/session')).json.user

onEachPlatform('A11 A12: the name of a file is a word about it, not a place', async (world) => {
  const { call } = world
  for (const [filename, kept] of [
    ['../../../etc/passwd', 'passwd'],
    ['/etc/passwd', 'passwd'],
    ['C:\\Windows\\system.ini', 'system.ini'],
    ['..', 'upload'],
    ['a\u0000/../../b', null],
  ] as const) {
    const { status, json } = await call('POST', '/v1/uploads', { body: { filename, sizeBytes: 4 } })
    if (kept === null) assert.equal(status, 400)
    else {
      assert.ok(status < 300)
      assert.ok(json.filename === kept || !/[/\\]|^\.\.$/.test(json.filename), json.filename)
    }
  }
  const { json } = await call('POST', '/v1/uploads', { body: { filename: 'a.csv', sizeBytes: 4 } })
  const asJson = await call('PUT', `/v1/uploads/${json.id}?offset=0`, { body: { files: { f: { filepath: '/etc/passwd' } } } })
  assert.ok(asJson.status >= 400 && asJson.status < 500, asJson.text)
  for (const body of [{ filename: 'a.csv', sizeBytes: 4, path: '/etc/passwd' }, { files: { f: { filepath: '/etc/passwd' } } }])
    assert.equal((await call('POST', '/v1/uploads', { body })).status, 400)
})

onEachPlatform('D2: what people upload is a download, whatever it is called or says that it is', async (world) => {
  const { call, server, token } = world
  const { json: experiment } = await call('POST', '/v1/experiments', { body: { name: 'Downloads' } })
  const { json: run } = await call('POST', '/v1/runs', { body: { experiment: experiment.id } })
  const page = '<html><script>alert(document.cookie)</script></html>'
  for (const name of ['page.html', 'page.svg', 'report.pdf', 'x.xml', 'x.js', 'x.htm.txt', 'x']) {
    const put = await fetch(`${server.url}/v1/runs/${run.id}/artifacts/${name}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream' },
      body: page,
    })
    assert.equal(put.status, 200, await put.text())
    const { headers, text } = await call('GET', `/v1/runs/${run.id}/artifacts/${name}`)
    assert.equal(text, page)
    assert.match(String(headers.get('content-disposition')), /^attachment/, name)
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.match(String(headers.get('content-security-policy')), /default-src 'none'.*sandbox/)
    assert.doesNotMatch(String(headers.get('content-type')), /html|svg|xml|javascript/, name)
  }
})
