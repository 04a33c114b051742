import { readdirSync, readFileSync } from 'node:fs'

/** Joules used by all processor packages since some moment, where the kernel lets us read them (RAPL); else null. */
export function packageJoules(): number | null {
  counters ??= findCounters()
  if (counters.length === 0) return null
  let microjoules = 0
  for (const path of counters) microjoules += Number(readFileSync(path, 'latin1'))
  return microjoules / 1e6
}

/** CPU seconds that all processes of the machine have used since boot. */
export function machineCpuSeconds(): number | null {
  try {
    const [user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'latin1')
      .split('\n', 1)[0]!
      .split(/\s+/)
      .slice(1)
      .map(Number)
    return (user! + nice! + system! + irq! + softirq!) / 100
  } catch {
    return null
  }
}

/**
 * A process's part of the packages' energy: by its part of the machine's CPU seconds in the same span. An estimate: idle power is
 * shared out with the rest. null without a counter, or when one wrapped in between.
 */
export function energyMeter(): (cpuSeconds: number) => number | null {
  const joules = packageJoules()
  const busy = machineCpuSeconds()
  return (cpuSeconds) => {
    const joulesNow = packageJoules()
    const busyNow = machineCpuSeconds()
    if (joules === null || joulesNow === null || busy === null || busyNow === null) return null
    if (joulesNow < joules || busyNow <= busy) return null
    return ((joulesNow - joules) * Math.min(1, cpuSeconds / (busyNow - busy))) / 3600
  }
}

let counters: string[] | undefined

function findCounters(): string[] {
  try {
    return readdirSync('/sys/class/powercap')
      .filter((name) => /^intel-rapl:\d+$/.test(name))
      .map((name) => `/sys/class/powercap/${name}/energy_uj`)
      .filter((path) => Number(readFileSync(path, 'latin1')) >= 0)
  } catch {
    return []
  }
}
