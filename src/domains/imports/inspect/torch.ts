import { invalidInput } from '../../../kernel/errors.ts'
import { type ByteSource, shown } from './byte-source.ts'
import type { Found } from './found.ts'
import { isPartOfTorch, refuseForeign } from './pickle/globals.ts'
import { readPickle } from './pickle/machine.ts'

/** What lies in a zip: a TorchScript program, torch's plain tensors, something of Keras, or files. */
export function zipKind(paths: readonly string[]): 'torchscript' | 'torch' | 'keras' | 'npz' | 'files' {
  const has = (pattern: RegExp) => paths.some((path) => pattern.test(path))
  if (has(/(^|\/)constants\.pkl$/) && has(/(^|\/)code\/.+\.py$/)) return 'torchscript'
  if (has(/(^|\/)data\.pkl$/) && has(/(^|\/)(version|byteorder)$/)) return 'torch'
  if (has(/(^|\/)model\.weights\.h5$/) || (has(/^config\.json$/) && has(/^metadata\.json$/) && has(/\.h5$/))) return 'keras'
  if (paths.length > 0 && paths.every((path) => path.endsWith('.npy'))) return 'npz'
  return 'files'
}

/** A TorchScript file: that it is one, what its pickles name. It is a program: it runs in the sandbox only. */
export async function inspectTorchscript(path: string, members: readonly ByteSource[]): Promise<Found> {
  const globals: string[] = []
  for (const member of members.filter((one) => one.path.endsWith('.pkl'))) {
    const wrong = (why: string) =>
      invalidInput(`"${member.path}" in "${path}" is no pickle that can be read: ${why}.`, { file: path })
    const facts = await readPickle(member, { wrong })
    refuseForeign(path, facts.globals, isPartOfTorch)
    for (const global of facts.globals) if (!globals.includes(global)) globals.push(global)
  }
  const own = globals.filter((global) => global.startsWith('__torch__.'))
  return {
    format: 'torchscript',
    file: path,
    marked: 'code',
    algorithm: `TorchScript (${shown(own[0]?.replace(/^__torch__\./, '') ?? 'module')})`,
    task: null,
    classes: null,
    columns: null,
    width: null,
    facts: { code: members.filter((one) => one.path.endsWith('.py')).length, globals: globals.slice(0, 100) },
    notes: ['It is a program of torch: only a job in the sandbox runs it.'],
  }
}

/** Torch's own files without a program hold numbers, or objects of classes that are not here: neither can answer. */
export async function refuseTorch(path: string, members: readonly ByteSource[]): Promise<never> {
  const data = members.find((one) => one.path.endsWith('data.pkl'))
  const wrong = (why: string) => invalidInput(`"${path}" holds no pickle that can be read: ${why}.`, { file: path })
  if (data) refuseForeign(path, (await readPickle(data, { wrong })).globals, isPartOfTorch)
  throw invalidInput(
    `"${path}" holds torch's numbers without the network that they belong to. Bring the folder with config.json and safetensors, a TorchScript file (torch.jit.save), or ONNX.`,
    { file: path },
  )
}
