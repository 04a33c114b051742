import { readGguf } from '../../ports/language/gguf-header.ts'
import type { JobContext } from '../jobs/handler.ts'
import { ggufSignature } from '../registry/gguf-signature.ts'
import type { ImportJobNeeds, ImportSpec, Made } from './job.ts'
import type { Prepared } from './prepare.ts'

/** A GGUF file is served as it is. */
export async function languageModel(
  _needs: ImportJobNeeds,
  _context: JobContext<ImportSpec>,
  { bundle, found }: Prepared,
): Promise<Made> {
  const file = bundle.files.find(({ path }) => path === found.file)!
  const header = await readGguf((start, end) => file.read(start, end), file)
  const template = bundle.files.find(({ path }) => path.endsWith('chat_template.jinja'))
  return {
    signature: ggufSignature(header, template !== undefined),
    parity: null,
    served: 'gguf',
    runtime: null,
    algorithm: found.algorithm,
    notes: [
      'There is no training code that what is served could be compared with. Its file was checked for soundness, not for what it says.',
    ],
    open: [
      { path: 'model.gguf', root: bundle.root, at: bundle.places.get(found.file)! },
      ...(template ? [{ path: 'chat_template.jinja', root: bundle.root, at: bundle.places.get(template.path)! }] : []),
    ],
    sandboxOnly: [],
    evidenceFolder: null,
  }
}
