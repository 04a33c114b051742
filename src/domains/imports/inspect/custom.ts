import { invalidInput } from '../../../kernel/errors.ts'
import type { Bundle } from './bundle.ts'
import { shown } from './byte-source.ts'
import type { Found } from './found.ts'

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
