import type { Endpoint } from '@atoll/sdk'

/** What answers, in words. */
export const servedWords: Record<Endpoint['served'], string> = {
  onnx: 'ONNX, in process',
  python: 'Python worker',
  external: 'a server elsewhere',
  gguf: 'llama.cpp, in a process of its own',
  pipeline: 'a pipeline of several models',
}
