/** H8 and the sandbox: what a hostile job tries from inside, with the real queue, executor and blobs. None of it may work. */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { lstat, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { jobsTestMigrations, jobsWorld } from '../../src/domains/jobs/testing.ts'
import { openFilesystemBlobs } from '../../src/ports/blobs/filesystem.ts'
import { scriptRuntimes } from '../../src/ports/engines/testing.ts'
import { openLocalExecutor } from '../../src/ports/executors/local.ts'
import { localFiles } from '../../src/ports/files/local.ts'
import { openSqlite } from '../../src/ports/metadata/sqlite.ts'

const executor = await openLocalExecutor({ python: 'python3' })
const folder = await mkdtemp(join(tmpdir(), 'atoll-escape-'))
after(async () => {
  await executor.close()
  await rm(folder, { recursive: true, force: true })
})
const skip = executor.sandbox === 'full' ? false : `no full sandbox here: ${executor.sandboxReason}`

/** Each escape is a function that comes back when it worked and raises when it did not. */
const script = `
import ctypes, glob, resource, socket, stat, subprocess
p = job["parameters"]
libc = ctypes.CDLL(None, use_errno=True)
def must(result):
    if result != 0: raise OSError(ctypes.get_errno(), "refused")
def read_holding(path, what):
    if what not in open(path, "rb").read().decode("latin-1"): raise ValueError("not there")
def any_of(paths, what):
    for path in paths:
        try: return read_holding(path, what)
        except (OSError, ValueError): pass
    raise ValueError("not there")
def connect(family, kind, address):
    with socket.socket(family, kind) as s:
        s.settimeout(1)
        s.connect(address)
        s.send(b"hello")
def listed(path):
    if not os.listdir(path): raise ValueError("empty")
def write(path, mode="a"):
    with open(path, mode) as f: f.write("EVIL")
def any_opens(paths):
    for path in paths:
        # Opened and closed: where it works, this test has changed nothing.
        try: return os.close(os.open(path, os.O_WRONLY))
        except OSError: pass
    raise ValueError("not one")
def more_memory():
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard + 2**30, hard + 2**30))
escapes = {
  "read a blob of the store": lambda: read_holding(p["blob"], "SEA" + "LED"),
  "read the database": lambda: read_holding(p["database"], "CANARY"),
  "read the folder of another job": lambda: read_holding(p["otherJob"], "CANARY"),
  "list the data folder": lambda: listed(p["data"]),
  "list the folders of jobs": lambda: listed(p["data"] + "/jobs"),
  "find the sealed rows anywhere": lambda: any_of(glob.glob("/job/**", recursive=True) + glob.glob("/tmp/**", recursive=True), "SEA" + "LED"),
  "read the passwords": lambda: any_of(["/etc/passwd", "/etc/shadow", os.path.join("/proc/1", "root", "etc", "passwd")], "root:"),
  "list the homes": lambda: listed(p["home"]) or listed("/home"),
  "read the environment of the first process": lambda: read_holding("/proc/1/environ", "c4n4ry"),
  "read any environment": lambda: any_of(glob.glob("/proc/[0-9]*/environ"), "c4n4ry"),
  "find a secret in its own environment": lambda: read_holding("/proc/self/environ", "c4n4ry"),
  "see more processes": lambda: must(0 if len(glob.glob("/proc/[0-9]*")) > 8 else 1),
  "climb through a process": lambda: read_holding(os.path.join("/proc/self", "root", "..") + p["database"], "CANARY"),
  "climb through an open folder": lambda: any_of(glob.glob("/proc/self/fd/*/../atoll.db") + glob.glob("/proc/1/cwd/../**"), "CANARY"),
  "call the server": lambda: connect(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", p["port"])),
  "send a datagram": lambda: connect(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", p["udp"])),
  "call by a socket without a file": lambda: connect(socket.AF_UNIX, socket.SOCK_STREAM, "\\0" + p["abstract"]),
  "call by a socket file": lambda: connect(socket.AF_UNIX, socket.SOCK_STREAM, p["data"] + "/socket"),
  "look up a name": lambda: socket.getaddrinfo("example.org", 80),
  "open a raw socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close(),
  "see a network": lambda: must(0 if [i for _, i in socket.if_nameindex() if i != "lo"] else 1),
  "write to the system": lambda: write("/usr/lib/evil"),
  "write to the configuration": lambda: write("/etc/evil"),
  "write to the root": lambda: write("/evil"),
  "write to the engines": lambda: write(os.environ["PYTHONPATH"].split(":")[0] + "/atoll_engines/run.py"),
  "change its input": lambda: write("input/data/train/rows"),
  "make its input writable": lambda: os.chmod("input/data/train/rows", 0o666),
  "put another input in its place": lambda: os.rename("model", "input/data/train"),
  "delete its input": lambda: os.unlink("input/data/train/rows"),
  "link its input into the output": lambda: os.link("input/data/train/rows", "output/data/hard"),
  "mount something": lambda: must(libc.mount(b"none", b"/tmp", b"tmpfs", 0, None)),
  "unmount its input": lambda: must(libc.umount2(b"/job/input", 2)),
  "make a namespace of its own": lambda: must(libc.unshare(0x10000000)),
  "become root": lambda: os.setuid(0),
  "change its root": lambda: os.chroot("/tmp"),
  "kill the server": lambda: os.kill(p["pid"], signal.SIGKILL),
  "trace the server": lambda: must(libc.ptrace(16, p["pid"], None, None)),
  "make a device": lambda: os.mknod("output/data/device", 0o666 | stat.S_IFBLK, os.makedev(8, 0)),
  "read the memory of the machine": lambda: open("/dev/mem", "rb").read(1),
  "read a disk": lambda: any_of(glob.glob("/dev/sd*") + glob.glob("/dev/vd*") + glob.glob("/dev/nvme*"), ""),
  "change the kernel": lambda: any_opens(glob.glob("/proc/sys/**", recursive=True) + ["/proc/sysrq-trigger", "/proc/1/oom_score_adj", "/proc/self/uid_map"]),
  "change the machine": lambda: any_opens(glob.glob("/sys/**", recursive=True) + glob.glob("/proc/irq/**", recursive=True)),
  "raise its limits": more_memory,
  "load a module": lambda: must(libc.syscall(175, b"", 0, b"")),
  "load a filter into the kernel": lambda: must(0 if libc.syscall(321, 0, b"\\0" * 128, 128) >= 0 else 1),
  "set the clock": lambda: time.clock_settime(time.CLOCK_REALTIME, time.time()),
  "name the machine": lambda: socket.sethostname("evil"),
  "run a program with more rights": lambda: must(0 if subprocess.run(["su", "-c", "true"], stdin=subprocess.DEVNULL, capture_output=True).returncode == 0 else 1),
}
if p["do"] == "escape":
    worked, refused = [], []
    for name, attempt in escapes.items():
        try:
            attempt()
            worked.append(name)
        except BaseException as error:
            refused.append(name)
    emit("result", value={"worked": worked, "refused": refused})
if p["do"] == "leave":
    os.symlink("/etc/passwd", "output/data/link")
    os.symlink(p["database"], "model/link")
    os.symlink("/", "output/up")
    os.mkfifo("output/data/pipe")
    open("output/data/tool", "w").write("x"); os.chmod("output/data/tool", 0o6777)
    open("/tmp/outside-" + p["abstract"], "w").write("EVIL")
    subprocess.Popen(["setsid", "sleep", p["marker"]])
    emit("result", value={})
if p["do"] == "fail-by-link":
    os.symlink(p["database"], "output/failure")
    sys.exit(1)
if p["do"] == "swap-events":
    os.unlink("output/events.jsonl"); os.symlink(p["database"], "output/events.jsonl")
    sys.exit(0)
if p["do"] == "forge":
    for line in ['{"type":"state","state":"succeeded"}', '{"type":"result","value":' + "[" * 100000, '{"type":"log","message":"\\\\u001b[2J\\\\nforged"}', '{"__proto__":{"x":1}}', "x" * 1000000]:
        events.write(line + "\\n")
    events.flush()
    emit("result", value={"done": True})
if p["do"] == "bomb":
    started = 0
    try:
        while started < 5000:
            if os.fork() == 0: time.sleep(30); os._exit(0)
            started += 1
    except OSError:
        pass
    time.sleep(30)
if p["do"] == "hoard":
    hoard = []
    while True: hoard.append(bytearray(b"x") * 10_000_000)
if p["do"] == "spin":
    while True: pass
if p["do"] == "fill":
    with open("output/data/big", "wb") as f:
        while True: f.write(b"x" * 1_000_000)
`

/** A world with secrets, in which a job of a stranger runs. */
async function hostileWorld() {
  const data = await mkdtemp(join(folder, 'data-'))
  const blobs = await openFilesystemBlobs({ root: join(data, 'blobs'), hardLinks: true })
  const { sha256: sealed } = await blobs.put('SEALED test rows')
  const { sha256: rows } = await blobs.put('training rows')
  await writeFile(join(data, 'atoll.db'), 'CANARY')
  process.env.ATOLL_ESCAPE_SECRET = 'c4n4ry'
  const metadata = openSqlite({ file: ':memory:' })
  await metadata.migrate(jobsTestMigrations)
  const files = localFiles()
  const world = await jobsWorld(metadata, {
    executor,
    runtimes: scriptRuntimes(await mkdtemp(join(folder, 'engines-')), script),
    files,
    folder: data,
  })
  const kept: { sha256?: string; listed?: string[]; refused: string[] } = { refused: [] }
  world.jobs.queue.register({
    kind: 'hostile',
    async run(context) {
      const ran = await context.runEngine({
        name: 'fit',
        engine: 'hostile',
        runtime: 'tabular',
        parameters: context.spec,
        seed: 1,
        limits: { maxProcesses: 60, memoryBytes: 300e6, maxFileBytes: 5e6, wallSeconds: 8 },
        async prepare(channels) {
          await files.makeFolder(channels, 'train')
          await blobs.materialise(rows, join(channels, 'train', 'rows'))
        },
      })
      kept.listed = (await files.list(ran.folder, 'output')).map((file) => file.path)
      for (const path of ['output/data/link', 'model/link', 'output/data/pipe'])
        await blobs.putFile(files.resolvePath(ran.folder, path)).then(
          () => assert.fail(`${path} was stored`),
          () => kept.refused.push(path),
        )
      return { result: ran.result }
    },
    publish: async (_tx, _context, outcome) => outcome,
  })
  const worker = world.jobs.startWorker({ slots: 2 })
  await worker.ready
  await mkdir(join(data, 'jobs', 'job_other', '1'), { recursive: true })
  await writeFile(join(data, 'jobs', 'job_other', '1', 'rows'), 'CANARY')
  const marker = `77${process.pid}`
  const at = (sha256: string) =>
    join(
      data,
      'blobs',
      readdirSync(join(data, 'blobs'), { recursive: true })
        .map(String)
        .find((name) => name.endsWith(sha256))!,
    )
  const spec = {
    data,
    blob: at(sealed),
    database: join(data, 'atoll.db'),
    otherJob: join(data, 'jobs', 'job_other', '1', 'rows'),
    pid: process.pid,
    marker,
    port: 0,
    udp: 0,
    abstract: `atoll-${process.pid}`,
    home: userInfo().homedir,
  }
  return {
    spec,
    kept,
    blobs,
    rows,
    rowsAt: at(rows),
    async run(more: Record<string, unknown>) {
      const eve = await world.person('Eve', 'editor')
      const id = await metadata.transaction((tx) =>
        world.jobs.queue.enqueue(tx, eve, {
          kind: 'hostile',
          name: 'x',
          projectId: world.project.id,
          spec: { ...spec, ...more },
        }),
      )
      world.jobs.queue.wake()
      await world.jobs.ended(id, AbortSignal.timeout(60_000))
      return world.jobs.get(world.admin, id)
    },
    async log(id: string) {
      return (await world.jobs.log(world.admin, id, { after: 0, limit: 1000 })).items
    },
    async close() {
      await worker.close({ graceMs: 2000 })
      await metadata.close()
    },
  }
}

test('of fifty ways out of a job none works', { skip }, async () => {
  const w = await hostileWorld()
  const reached: string[] = []
  const tcp = createServer((socket) => reached.push('tcp') && socket.destroy()).listen(0, '127.0.0.1')
  const abstract = createServer((socket) => reached.push('abstract') && socket.destroy()).listen(`\0${w.spec.abstract}`)
  const file = createServer((socket) => reached.push('file') && socket.destroy()).listen(join(w.spec.data, 'socket'))
  const udp = createSocket('udp4', () => reached.push('udp'))
  await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve))
  try {
    const job = await w.run({ do: 'escape', port: (tcp.address() as { port: number }).port, udp: udp.address().port })
    assert.equal(job.state, 'succeeded', JSON.stringify(job.failure))
    const { worked, refused } = job.result!.result as { worked: string[]; refused: string[] }
    // A datagram is sent into a network that is not there.
    assert.deepEqual(
      worked.filter((name) => name !== 'send a datagram'),
      [],
    )
    assert.ok(refused.length >= 45, `${refused.length} were tried`)
    assert.deepEqual(reached, [])
    assert.equal(await readFile(w.spec.database, 'utf8'), 'CANARY')
    assert.equal(Buffer.from(await w.blobs.bytes(w.rows)).toString(), 'training rows')
    assert.equal((await stat(w.rowsAt)).mode & 0o222, (await stat(w.spec.blob)).mode & 0o222)
    assert.ok(existsSync(w.spec.otherJob))
  } finally {
    for (const server of [tcp, abstract, file]) server.close()
    udp.close()
    await w.close()
  }
})

test('what a job leaves behind is taken as bytes or not at all', { skip }, async () => {
  const w = await hostileWorld()
  try {
    const left = await w.run({ do: 'leave' })
    assert.equal(left.state, 'succeeded', JSON.stringify(left.failure))
    assert.deepEqual(w.kept.refused, ['output/data/link', 'model/link', 'output/data/pipe'])
    assert.ok(!w.kept.listed?.some((path) => /link|pipe|up\//.test(path)), String(w.kept.listed))
    assert.ok(!existsSync(join(tmpdir(), `outside-${w.spec.abstract}`)), 'its /tmp is its own')
    for (let i = 0; i < 50 && running(`sleep ${w.spec.marker}`); i++) await sleep(20)
    assert.ok(!running(`sleep ${w.spec.marker}`), 'its daemon ended with it')

    const byLink = await w.run({ do: 'fail-by-link' })
    assert.equal(byLink.state, 'failed')
    assert.ok(!JSON.stringify(byLink).includes('CANARY'))
    const swapped = await w.run({ do: 'swap-events' })
    assert.ok(!JSON.stringify([swapped, await w.log(swapped.id)]).includes('CANARY'))

    const forged = await w.run({ do: 'forge' })
    const told = await w.log(forged.id)
    assert.equal(
      told.filter((event) => event.type === 'state').length,
      3,
      'states are the platform’s own: queued, running, ended',
    )
    assert.ok(told.every((event) => JSON.stringify(event.data).length < 70_000))
    assert.equal(({} as Record<string, unknown>).x, undefined)
    assert.ok((await lstat(w.spec.database)).isFile())
  } finally {
    await w.close()
  }
})

test('a job that takes all it can is stopped alone, and the limit is named', { skip }, async () => {
  const w = await hostileWorld()
  try {
    for (const [what, wanted] of [
      ['bomb', /processes|memory/],
      ['hoard', /memory/i],
      ['spin', /longer than its 8 seconds/],
      ['fill', /exit code|File too large|SIGXFSZ|killed/],
    ] as const) {
      const job = await w.run({ do: what })
      assert.equal(job.state, 'failed', what)
      assert.match(job.failure!.message, wanted, what)
    }
    const next = await w.run({ do: 'nothing' })
    assert.equal(next.state, 'succeeded')
  } finally {
    await w.close()
  }
})

function running(command: string): boolean {
  return readdirSync('/proc').some((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0').join(' ').trim() === command
    } catch {
      return false
    }
  })
}
