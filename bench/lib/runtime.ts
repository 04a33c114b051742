import { join } from 'node:path'
import { readConfig } from '../../src/kernel/config.ts'
import { pythonRuntimes } from '../../src/ports/engines/python.ts'
import type { RuntimeName } from '../../src/ports/engines/runtimes.ts'

/** The interpreter of the engines' environment, built where it is not there yet, and the folder of their package. */
export async function enginePython(name: RuntimeName = 'tabular'): Promise<{ python: string; sources: string }> {
  const config = readConfig(process.env)
  const sources = join(import.meta.dirname, '..', '..', 'python')
  const runtimes = pythonRuntimes({ dir: config.runtimesDir, python: config.python, sources })
  const { python } = await runtimes.ensure(name, (message) => console.error(message))
  return { python, sources }
}
