import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** Debian's prometheus and promtool: as installed, or its package unpacked beside the runtimes (nothing is installed or started). A sentence where neither is there. */
export function prometheusTools(folder: string): { prometheus: string; promtool: string } | string {
  for (const place of ['/usr/bin', join(folder, 'prometheus', 'usr', 'bin')])
    if (existsSync(join(place, 'promtool')) && existsSync(join(place, 'prometheus')))
      return { prometheus: join(place, 'prometheus'), promtool: join(place, 'promtool') }
  if (spawnSync('apt-get', ['--version']).error) return 'prometheus is not installed, and there is no apt-get to fetch it with'
  mkdirSync(folder, { recursive: true })
  const work = mkdtempSync(join(folder, 'prometheus-'))
  try {
    const options = { cwd: work, stdio: 'ignore' as const, timeout: 120_000 }
    if (spawnSync('apt-get', ['download', 'prometheus'], options).status !== 0)
      return 'prometheus is not installed, and apt-get could not download its package'
    const file = readdirSync(work).find((name) => name.endsWith('.deb'))
    if (!file || spawnSync('dpkg-deb', ['-x', file, 'unpacked'], options).status !== 0)
      return 'the package of prometheus could not be unpacked'
    rmSync(join(folder, 'prometheus'), { recursive: true, force: true })
    renameSync(join(work, 'unpacked'), join(folder, 'prometheus'))
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  return prometheusTools(folder)
}
