import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type AnswerText, compileAnswer } from '../domains/endpoints/answer.ts'
import { type AnyEncoder, compileEncoder } from '../ports/inference/encode.ts'
import type { LoadedModel } from '../ports/inference/inference.ts'
import { loadOnnx } from '../ports/inference/onnx.ts'
import { type ModelSignature, shapeOf } from '../ports/inference/signature.ts'

/** export.json: what the folder is an export of. */
export interface ExportFacts {
  endpoint: string
  model: string
  version: number
  trust: 'built' | 'imported'
  exportedAt: string
}

export interface OpenedModel {
  facts: ExportFacts
  signature: ModelSignature
  encoder: AnyEncoder
  model: LoadedModel
  answer: AnswerText
  close(): Promise<void>
}

/** Opens the model of an exported folder as the platform does. */
export async function openModel(folder: string): Promise<OpenedModel> {
  const package_ = join(folder, 'model')
  const facts = JSON.parse(readFileSync(join(folder, 'export.json'), 'utf8')) as ExportFacts
  const signature = JSON.parse(readFileSync(join(package_, 'signature.json'), 'utf8')) as ModelSignature
  const { trust } = facts
  const encoder: AnyEncoder = shapeOf(signature).media
    ? await (await import('../ports/inference/media/encode-media.ts')).openMediaEncoder({
        folder: package_,
        signature,
        trust,
        served: 'onnx',
      })
    : compileEncoder(signature)
  const model = await loadOnnx({ file: join(package_, 'model.onnx'), ...shapeOf(signature), trust })
  return {
    facts,
    signature,
    encoder,
    model,
    answer: compileAnswer(signature),
    async close() {
      await model.close()
      await encoder.close?.()
    },
  }
}
