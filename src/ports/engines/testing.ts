import { execFileSync } from 'node:child_process'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Runtimes } from './runtimes.ts'

/**
 * A runtime for tests: the machine's own Python and, in place of the engines' package, a script of the test's. It is run as engines
 * are: `python -m atoll_engines.run [--warm]` in the job's folder. `job` is defined, and `emit(type, **fields)`.
 */
export function scriptRuntimes(folder: string, script: string): Runtimes {
  const package_ = join(folder, 'engine-source', 'atoll_engines')
  mkdirSync(package_, { recursive: true })
  // Whole or not at all: servers of one test share the folder, and an engine may begin while another server starts.
  const place = (name: string, text: string) => {
    const part = join(package_, `${name}.${process.pid}.part`)
    writeFileSync(part, text)
    renameSync(part, join(package_, name))
  }
  place('__init__.py', '')
  place('run.py', prelude + script)
  const [python, prefix] = execFileSync('python3', ['-c', 'import sys; print(sys.executable); print(sys.base_prefix)'], {
    encoding: 'utf8',
  }).split('\n') as [string, string]
  const runtime = {
    name: 'tabular',
    lockHash: 'of-this-test',
    python,
    readOnly: [...new Set([prefix, join(folder, 'engine-source')])].filter((path) => path !== '/usr'),
    env: { PYTHONPATH: join(folder, 'engine-source'), PYTHONSAFEPATH: '1', PYTHONUNBUFFERED: '1', PYTHONDONTWRITEBYTECODE: '1' },
  }
  return {
    ensure: async () => runtime,
    list: async () => [
      { name: 'tabular', lockHash: runtime.lockHash, state: 'ready', sizeBytes: null, builtAt: null, message: null },
    ],
  }
}

const prelude = `
import json, os, signal, sys, time
if "--warm" in sys.argv:
    print('{"ready":true}', flush=True)
    where = sys.stdin.readline().strip()
    if not where:
        sys.exit(0)
    os.chdir(where)
STARTED = time.time()
job = json.load(open("input/config/job.json"))
job["parameters"] = json.load(open("input/config/hyperparameters.json"))
events = open("output/events.jsonl", "a")
def emit(type, **fields):
    events.write(json.dumps({"type": type, **fields}) + "\\n")
    events.flush()
def fail(code, text, **facts):
    emit("log", level="error", message=text, facts=facts)
    open("output/failure", "w").write(text)
    sys.exit(code)
`
