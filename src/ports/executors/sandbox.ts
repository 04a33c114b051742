import { execFile } from 'node:child_process'
import { existsSync, lstatSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { noTelemetry } from '../../kernel/no-telemetry.ts'
import type { ProcessRequest, ResourceLimits, SandboxLevel } from './executor.ts'

export interface SandboxProbe {
  level: SandboxLevel
  reason: string
}

const execute = promisify(execFile)
const supervisor = join(import.meta.dirname, 'supervisor.py')

/** Tries, with a process that does nothing, how far this machine lets us confine a job. */
export async function probeSandbox(python: string): Promise<SandboxProbe> {
  if (process.platform !== 'linux') return { level: 'off', reason: `Confining jobs needs Linux; this is ${process.platform}.` }
  const limits: ResourceLimits = {
    cpus: 1,
    memoryBytes: 2 ** 30,
    maxProcesses: 64,
    maxFileBytes: 2 ** 20,
    maxDiskBytes: 2 ** 20,
    wallSeconds: 60,
  }
  const trial = { folder: '/', argv: ['true'], env: {}, readOnly: [], limits }
  const full = await attempt(fullArgv(trial, ['--tmpfs', '/job']))
  if (full === null)
    return { level: 'full', reason: 'Jobs run in bubblewrap: no network, only their own folder, limited resources.' }
  const limited = await attempt(limitsOnlyArgv(trial, python))
  if (limited === null)
    return { level: 'limits-only', reason: `Jobs have resource limits but are not isolated, because bubblewrap failed: ${full}` }
  return {
    level: 'off',
    reason: `Jobs run unconfined, because bubblewrap failed (${full}) and so did resource limits (${limited})`,
  }
}

/** null when it ran, else why not. */
async function attempt(argv: string[]): Promise<string | null> {
  try {
    await execute(argv[0]!, argv.slice(1), { timeout: 10_000, env: baseEnvironment('/tmp') })
    return null
  } catch (error) {
    const { code, stderr } = error as { code?: string; stderr?: string }
    return code === 'ENOENT' ? `${argv[0]} is not installed.` : (stderr?.trim().split('\n')[0] || String(error)).slice(0, 300)
  }
}

/**
 * The command that runs a request inside bubblewrap. The caller starts it with the job's environment and nothing else: what bubblewrap
 * itself was started with stays readable in the sandbox's /proc/1/environ.
 */
export function fullArgv(
  request: Pick<ProcessRequest, 'folder' | 'argv' | 'readOnly' | 'mounts' | 'limits'>,
  job?: string[],
): string[] {
  const { folder, argv, readOnly, mounts = [], limits } = request
  const tempBytes = String(Math.min(2 ** 30, Math.floor(limits.memoryBytes / 2)))
  return [
    'bwrap',
    ...['--unshare-all', '--unshare-user', '--disable-userns', '--die-with-parent', '--new-session'],
    ...['--uid', '65534', '--gid', '65534', '--hostname', 'atoll-job'],
    ...systemMounts(),
    // Read-only: the files of the kernel ask for the owner alone, and where the server is root's the job is too, seen from outside.
    ...['--proc', '/proc', '--remount-ro', '/proc', '--dev', '/dev'],
    ...['--size', tempBytes, '--tmpfs', '/dev/shm', '--size', tempBytes, '--tmpfs', '/tmp'],
    // Scripts written for SageMaker name their folders by this path.
    ...['--dir', '/opt', '--symlink', '/job', '/opt/ml'],
    ...readOnly.filter((path) => !path.startsWith('/usr/')).flatMap((path) => ['--ro-bind', path, path]),
    ...(job ?? ['--bind', folder, '/job']),
    ...mounts.flatMap(({ path, at, writable }) => [writable ? '--bind' : '--ro-bind', path, `/job/${at}`]),
    ...['--chdir', '/job', '--remount-ro', '/'],
    ...['prlimit', `--nproc=${limits.maxProcesses}`, `--fsize=${limits.maxFileBytes}`, `--data=${dataLimit(limits)}`],
    ...[`--cpu=${cpuLimit(limits)}`, '--core=0', '--', ...argv],
  ]
}

/** The command that runs a request with limits alone. */
export function limitsOnlyArgv({ argv, limits }: Pick<ProcessRequest, 'argv' | 'limits'>, python: string): string[] {
  const settings = {
    parent: process.pid,
    RLIMIT_FSIZE: limits.maxFileBytes,
    RLIMIT_DATA: dataLimit(limits),
    RLIMIT_CPU: cpuLimit(limits),
    RLIMIT_CORE: 0,
  }
  return [python, '-I', '-S', supervisor, JSON.stringify(settings), ...argv]
}

/** What every job finds in its environment. Nothing of the server's. */
export function baseEnvironment(temp: string): Record<string, string> {
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: temp,
    TMPDIR: temp,
    USER: 'atoll',
    LOGNAME: 'atoll',
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    ...noTelemetry,
  }
}

/**
 * Per process, on memory it may write. Not RLIMIT_AS: runtimes reserve far more address space than they use. The whole tree is
 * watched besides; this stops the one allocation that would be too quick for that.
 */
const dataLimit = ({ memoryBytes }: ResourceLimits) => memoryBytes + 2 ** 30
const cpuLimit = ({ wallSeconds, cpus }: ResourceLimits) => Math.ceil(wallSeconds * Math.max(1, cpus) * 1.1) + 10

/** The system's programs and libraries; of /etc only what the dynamic linker and time zones need. */
function systemMounts(): string[] {
  mountsOfSystem ??= [
    ...['--ro-bind', '/usr', '/usr'],
    ...['/lib', '/lib32', '/lib64', '/libx32', '/bin', '/sbin'].flatMap((path) => {
      if (!existsSync(path)) return []
      return lstatSync(path).isSymbolicLink() ? ['--symlink', readlinkSync(path), path] : ['--ro-bind', path, path]
    }),
    ...['/etc/ld.so.cache', '/etc/ld.so.conf', '/etc/ld.so.conf.d', '/etc/alternatives', '/etc/localtime'].flatMap((path) => [
      '--ro-bind-try',
      path,
      path,
    ]),
  ]
  return mountsOfSystem
}

let mountsOfSystem: string[] | undefined
