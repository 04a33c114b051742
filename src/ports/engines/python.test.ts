import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { pythonRuntimes } from './python.ts'

let root: string
let sources: string
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'atoll-runtimes-'))
  sources = join(root, 'python')
  await mkdir(join(sources, 'runtimes'), { recursive: true })
  await mkdir(join(sources, 'tiny_package'), { recursive: true })
  // A package of our own, so that the test needs no network.
  await writeFile(join(sources, 'tiny_package', 'tiny.py'), 'answer = 42\n')
  await writeFile(
    join(sources, 'tiny_package', 'pyproject.toml'),
    '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n[project]\nname = "tiny"\nversion = "1"\n',
  )
  await writeFile(join(sources, 'tiny_package', 'backend.py'), backend)
  await writeFile(join(sources, 'runtimes', 'tabular.txt'), `# one package\n${join(sources, 'tiny_package')}\n`)
})
after(() => rm(root, { recursive: true, force: true }))

test('builds an environment once, also for callers at the same time and in other processes, and finds it again', async () => {
  const dir = join(root, 'shared')
  const first = pythonRuntimes({ dir, python: 'python3', sources })
  assert.equal((await first.list())[0]!.state, 'absent')
  const second = pythonRuntimes({ dir, python: 'python3', sources })
  const messages: string[] = []
  const [a, b, c] = await Promise.all([
    first.ensure('tabular', (message) => messages.push(message)),
    first.ensure('tabular'),
    second.ensure('tabular', (message) => messages.push(message)),
  ])
  assert.deepEqual(a, b)
  assert.deepEqual(a, c)
  assert.equal(messages.filter((message) => message === 'Creating the environment').length, 1)
  assert.ok(messages.includes('Another process is building it'))
  assert.equal(execFileSync(a.python, ['-c', 'import tiny; print(tiny.answer)'], { encoding: 'utf8' }), '42\n')
  const [state] = await second.list()
  assert.equal(state!.state, 'ready')
  assert.ok(state!.sizeBytes! > 0 && state!.builtAt! > 0)
})

test('a build that was cut short is debris: the next one starts anew', async () => {
  const dir = join(root, 'cut')
  const runtimes = pythonRuntimes({ dir, python: 'python3', sources })
  const stop = new AbortController()
  await assert.rejects(
    runtimes.ensure('tabular', () => stop.abort(new Error('stopped')), stop.signal),
    /stopped/,
  )
  assert.notEqual((await runtimes.list())[0]!.state, 'ready')
  const { python } = await pythonRuntimes({ dir, python: 'python3', sources }).ensure('tabular')
  assert.equal(execFileSync(python, ['-c', 'import tiny; print(tiny.answer)'], { encoding: 'utf8' }), '42\n')
})

test('a failing build says why, leaves nothing half-built, and shows in the list', async () => {
  const broken = join(root, 'broken')
  await mkdir(join(broken, 'runtimes'), { recursive: true })
  await writeFile(join(broken, 'runtimes', 'tabular.txt'), '/no/such/package-1.0.whl\n')
  const dir = join(root, 'failing')
  const runtimes = pythonRuntimes({ dir, python: 'python3', sources: broken })
  await assert.rejects(runtimes.ensure('tabular'), (error: any) => {
    assert.equal(error.code, 'unavailable')
    assert.match(error.message, /"tabular" could not be built: .*package-1\.0/)
    return true
  })
  const [state] = await runtimes.list()
  assert.equal(state!.state, 'failed')
  assert.match(state!.message!, /package-1\.0\.whl/)
  assert.deepEqual(
    (await readdir(dir)).filter((name) => !/\.(lock|failed)$/.test(name)),
    [],
  )
})

test('a runtime that extends another is built upon it, sees its packages, and is another one when the lower one changes', async () => {
  const layered = join(root, 'layered')
  await mkdir(join(layered, 'runtimes'), { recursive: true })
  await writeFile(join(layered, 'runtimes', 'tabular.txt'), `${join(sources, 'tiny_package')}\n`)
  await writeFile(join(layered, 'runtimes', 'deep.txt'), '# extends: tabular\n')
  await writeFile(join(layered, 'runtimes', 'deep.cuda.txt'), '/no/such/package-1.0.whl\n')
  const dir = join(root, 'layers')
  const deep = await pythonRuntimes({ dir, python: 'python3', sources: layered }).ensure('deep')
  assert.equal(execFileSync(deep.python, ['-c', 'import tiny; print(tiny.answer)'], { encoding: 'utf8' }), '42\n')
  assert.ok(
    deep.readOnly.some((folder) => folder.startsWith(join(dir, 'tabular-'))),
    'a sandbox shows the lower layer too',
  )
  const listed = await pythonRuntimes({ dir, python: 'python3', sources: layered }).list()
  assert.deepEqual(
    listed.map(({ name, state }) => [name, state]),
    [
      ['deep', 'ready'],
      ['tabular', 'ready'],
    ],
  )
  await writeFile(join(layered, 'runtimes', 'tabular.txt'), `# changed\n${join(sources, 'tiny_package')}\n`)
  const later = await pythonRuntimes({ dir, python: 'python3', sources: layered }).list()
  assert.deepEqual(
    later.map(({ state }) => state),
    ['absent', 'absent'],
  )
})

test('a missing or old interpreter is named', async () => {
  const runtimes = pythonRuntimes({ dir: join(root, 'x'), python: '/no/python', sources })
  await assert.rejects(runtimes.ensure('tabular'), { code: 'precondition_failed', message: /"\/no\/python" could not be run/ })
  const old = join(root, 'old-python')
  await writeFile(old, '#!/bin/sh\necho "[[3, 9, 2], \\"/usr\\"]"\n', { mode: 0o755 })
  await assert.rejects(pythonRuntimes({ dir: join(root, 'x'), python: old, sources }).ensure('tabular'), {
    message: /is 3\.9\.2/,
  })
})

test('kill -9 of the server ends its build', async () => {
  const dir = join(root, 'killed')
  const script = `import { pythonRuntimes } from ${JSON.stringify(join(import.meta.dirname, 'python.ts'))}
    pythonRuntimes({ dir: ${JSON.stringify(dir)}, python: 'python3', sources: ${JSON.stringify(sources)} }).ensure('tabular', (m) => console.log(m))`
  const server = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise((resolve) => server.stdout.once('data', resolve))
  server.kill('SIGKILL')
  const { python } = await pythonRuntimes({ dir, python: 'python3', sources }).ensure('tabular')
  assert.ok(python.startsWith(dir))
})

/** The least that pip accepts as a builder of a wheel. */
const backend = `
import base64, hashlib, zipfile
def build_wheel(directory, config_settings=None, metadata_directory=None):
    name = "tiny-1-py3-none-any.whl"
    files = {"tiny.py": open("tiny.py").read(), "tiny-1.dist-info/METADATA": "Metadata-Version: 2.1\\nName: tiny\\nVersion: 1\\n",
             "tiny-1.dist-info/WHEEL": "Wheel-Version: 1.0\\nGenerator: tiny\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"}
    record = ""
    with zipfile.ZipFile(f"{directory}/{name}", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record += f"{path},sha256={digest},{len(text.encode())}\\n"
        wheel.writestr("tiny-1.dist-info/RECORD", record + "tiny-1.dist-info/RECORD,,\\n")
    return name
`
