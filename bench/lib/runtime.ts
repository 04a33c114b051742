import { join } from 'node:path'
import { readConfig } from '../../src/kernel/config.ts'
import { pythonRuntimes } from '../../src/ports/engines/python.ts'

/** The interpreter of the engines' environment, built where it is not there yet, and the folder of their package. */
export async function enginePython(): Promise<{ python: string; sources: string }> {
  const config = readConfig(process.env)
  const sources = join(import.meta.dirname, '..', '..', 'python')
  const runtimes = pythonRuntimes({ dir: config.runtimesDir, python: config.python, sources })
  const { python } = await runtimes.ensure('tabular', (message) => console.error(message))
  return { python, sources }
}
