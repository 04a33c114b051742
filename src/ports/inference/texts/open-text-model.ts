import { dirname, join } from 'node:path'
import type { LoadedModel, OnnxModelFile } from '../inference.ts'
import { openInTurn } from './open-in-turn.ts'
import type { TextModelFiles } from './text-session.ts'

/** Loads an encoder and a decoder: a text is written in many runs. */
export function openTextModel(model: OnnxModelFile): Promise<LoadedModel> {
  const folder = dirname(model.file)
  const files: TextModelFiles = {
    folder,
    decoding: model.decoding!,
    sampleRate: model.media?.find(({ tensor }) => tensor === 'audio')?.sampleRate ?? 16_000,
  }
  const paths = ['model.onnx', 'decoder.onnx'].map((name) => join(folder, name))
  return openInTurn(new URL('./text-remote.ts', import.meta.url), { model, files, paths })
}
