import { execFile } from 'node:child_process'
import { statfs } from 'node:fs/promises'
import { availableParallelism, totalmem } from 'node:os'
import { promisify } from 'node:util'
import type { Config } from '../kernel/config.ts'
import type { Runtimes } from '../ports/engines/runtimes.ts'
import type { Executor } from '../ports/executors/executor.ts'
import type { Metadata } from '../ports/metadata/metadata.ts'
import type { SealedSecrets } from '../ports/secrets/sealed.ts'

export interface Finding {
  what: string
  state: 'good' | 'warning' | 'bad'
  detail: string
}

/** What this machine offers and lacks, each with what would help. */
export async function examine({
  config,
  metadata,
  executor,
  runtimes,
  secrets,
}: {
  config: Config
  metadata: Metadata
  executor: Executor
  runtimes: Runtimes
  secrets: Pick<SealedSecrets, 'state'>
}): Promise<Finding[]> {
  const problems = await metadata.integrityCheck()
  const disk = await statfs(config.dataDir)
  const freeGb = (disk.bavail * disk.bsize) / 1e9
  return [
    {
      what: 'Node',
      state: Number(process.versions.node.split('.')[0]) >= 24 ? 'good' : 'warning',
      detail: process.versions.node,
    },
    await python(config.python),
    { what: 'machine', state: 'good', detail: `${availableParallelism()} cores, ${(totalmem() / 1e9).toFixed(0)} GB of memory` },
    {
      what: 'disk',
      state: freeGb < 2 ? 'bad' : freeGb < 10 ? 'warning' : 'good',
      detail: `${freeGb.toFixed(1)} GB free for ${config.dataDir}`,
    },
    { what: 'database', state: problems.length ? 'bad' : 'good', detail: problems[0] ?? `${metadata.kind}, sound` },
    await secretsKept(secrets),
    {
      what: 'sandbox',
      state: executor.sandbox === 'full' ? 'good' : executor.sandbox === 'off' ? 'bad' : 'warning',
      detail: `${executor.sandbox}: ${executor.sandboxReason}`,
    },
    ...(await runtimes.list()).map(
      (runtime): Finding => ({
        what: `runtime ${runtime.name}`,
        state: runtime.state === 'failed' ? 'bad' : 'good',
        detail: runtime.state === 'absent' ? 'built at first use' : (runtime.message ?? runtime.state),
      }),
    ),
  ]
}

async function secretsKept(secrets: Pick<SealedSecrets, 'state'>): Promise<Finding> {
  const { kept, unreadable, older, keysFrom } = await secrets.state()
  if (unreadable > 0)
    return {
      what: 'secrets',
      state: 'bad',
      detail: `${unreadable} of ${kept} were encrypted with a key that ${keysFrom} does not hold. Bring that key back, or set them again.`,
    }
  return {
    what: 'secrets',
    state: older > 0 ? 'warning' : 'good',
    detail: `${kept} encrypted, key from ${keysFrom}${older > 0 ? `; ${older} with an older key: atoll secrets rotate` : ''}`,
  }
}

async function python(command: string): Promise<Finding> {
  try {
    const { stdout } = await promisify(execFile)(
      command,
      ['-c', 'import sys, venv, ensurepip; print("%d.%d.%d" % sys.version_info[:3])'],
      { timeout: 10_000 },
    )
    const version = stdout.trim()
    const [major = 0, minor = 0] = version.split('.').map(Number)
    return major === 3 && minor >= 11
      ? { what: 'Python', state: 'good', detail: version }
      : {
          what: 'Python',
          state: 'bad',
          detail: `${version} is too old; 3.11 or newer is needed (ATOLL_PYTHON names another one)`,
        }
  } catch (error) {
    return {
      what: 'Python',
      state: 'bad',
      detail: `"${command}" with venv is not there (Debian: python3-venv). ${(error as Error).message.split('\n')[0]}`,
    }
  }
}
