import { invalidInput } from '../../../kernel/errors.ts'
import type { Bundle } from './bundle.ts'
import { shown, textOf } from './byte-source.ts'
import type { Found } from './found.ts'

const mostBytes = 2 ** 20
const scripts = /^(.*\/)?(inference|predict)\.py$/

/** A folder whose own code answers: SageMaker's `inference.py`, or `predict.py`, at its top or in `code/`. Nothing of it is read here but names. */
export function inspectCustom(bundle: Bundle, wanted?: string): Found {
  const found = codeIn(bundle, wanted)
  if (found) return found
  throw invalidInput(
    `There is no inference.py (model_fn, predict_fn, …) and no predict.py (predict(rows))${wanted ? ` in "${shown(wanted)}"` : ' in it'}, so that nothing could answer.`,
    { field: wanted ? 'file' : 'source' },
  )
}

/** The runtime that its requirements.txt asks for; the one for tables unless it names what only another has. */
export async function runtimeFor(bundle: Pick<Bundle, 'files'>, { facts }: Found): Promise<'tabular' | 'deep'> {
  const script = String(facts.script)
  const beside = script.slice(0, script.lastIndexOf('/') + 1)
  const wishes = bundle.files.find(({ path }) => path === `${beside}requirements.txt`)
  const isDeep =
    wishes && /^(torch|transformers|sentence-transformers|safetensors|pillow)\b/im.test(await textOf(wishes, mostBytes))
  return isDeep ? 'deep' : 'tabular'
}

/** The code nearest to the top, if there is any. */
export function codeIn(bundle: Pick<Bundle, 'files'>, wanted?: string): Found | null {
  const top = wanted ? `${wanted.replace(/\/+$/, '')}/` : null
  const found = bundle.files
    .flatMap(({ path }) => {
      const [, within = '', name] = scripts.exec(path) ?? []
      // As SageMaker has it: the code of a model lies in its folder `code`.
      const folder = within.replace(/(^|\/)code\/$/, '$1')
      return name && (top === null || folder === top) ? [{ path, folder, name }] : []
    })
    .sort((a, b) => a.path.split('/').length - b.path.split('/').length || (a.path < b.path ? -1 : 1))
  const [script] = found
  if (!script) return null
  return {
    format: 'custom',
    file: script.folder.replace(/\/$/, ''),
    marked: 'code',
    algorithm: `custom code (${script.name}.py)`,
    task: null,
    classes: null,
    columns: null,
    width: null,
    facts: { script: script.path, programs: bundle.files.filter(({ path }) => path.endsWith('.py')).length },
    notes: ['Its own code answers: only a job in the sandbox runs it.'],
  }
}
