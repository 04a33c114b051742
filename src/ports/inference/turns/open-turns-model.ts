import type { LoadedModel, OnnxModelFile } from '../inference.ts'
import { openInTurn } from '../texts/open-in-turn.ts'
import type { TurnsModelFiles } from './turns-session.ts'

/** Loads a graph of voices, with which recordings of any length are divided among speakers. */
export function openTurnsModel(model: OnnxModelFile): Promise<LoadedModel> {
  const files: TurnsModelFiles = { file: model.file, plan: model.turns! }
  return openInTurn(new URL('./turns-remote.ts', import.meta.url), { model, files, paths: [model.file] })
}
