import { invalidInput } from '../../kernel/errors.ts'

const mostFiles = 2000

/** What a file of a weights folder is to us: laid as it is, laid for a sandboxed job alone, or left out. */
export function kindOfFile(path: string): 'plain' | 'sandboxOnly' | 'leftOut' {
  const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase()
  const ending = name.slice(name.lastIndexOf('.') + 1)
  if (plain.has(ending) || licences.test(name)) return 'plain'
  return risky.has(ending) ? 'sandboxOnly' : 'leftOut'
}

/** Numbers, settings and words. */
const plain = new Set(['safetensors', 'json', 'jsonl', 'jinja', 'txt', 'model', 'md', 'gguf', 'onnx', 'tiktoken', 'vocab', 'spm'])
/** Formats of which reading can run code (pickle), or that hold programs of their own. */
const risky = new Set(['bin', 'pt', 'pth', 'ckpt', 'pkl', 'pickle', 'h5', 'msgpack', 'joblib', 'npz', 'npy'])
const licences = /^(licen[cs]e|notice|readme|merges|vocab)/
/** Endings of files that hold the weights themselves. */
export const isWeights = (path: string): boolean => /\.(safetensors|gguf|onnx|bin|pt|pth|ckpt|h5|msgpack)$/i.test(path)
/** Files of torch that a sandboxed job can turn into safetensors. */
export const isTorch = (path: string): boolean => /\.(bin|pt|pth|ckpt)$/i.test(path)
/** A path that stays below the folder it is laid in. */
export const isSafePath = (path: string): boolean =>
  !/^\/|\\|\0/.test(path) && path.split('/').every((part) => part && part !== '.' && part !== '..')

export function refuseUseless(kept: readonly { path: string }[]): void {
  if (kept.length > mostFiles) throw invalidInput(`There are ${kept.length} files; weights have at most ${mostFiles}.`)
  if (!kept.some(({ path }) => isWeights(path)))
    throw invalidInput(
      'There are no weights in it: a folder of weights holds *.safetensors beside config.json (or a .gguf, .onnx).',
    )
}
