import { invalidInput } from '../../../kernel/errors.ts'
import type { AnyEncoder } from '../../../ports/inference/encode.ts'
import { compileEncoder } from '../../../ports/inference/encode.ts'
import type { LoadedModel, RawBatch, RawScores } from '../../../ports/inference/inference.ts'
import { describeFiles } from '../../../ports/inference/media/describe-files.ts'
import { compilePrediction } from '../../../ports/inference/row-prediction.ts'
import { type ModelSignature, mediaTensors } from '../../../ports/inference/signature.ts'
import type { Signature } from '../../registry/schema.ts'
import type { AnswerText } from '../answer.ts'
import type { LoadedRows, LoadedText, VersionToLoad } from '../serving.ts'
import { StepFigures } from './figures.ts'
import { type PipelinePlan, planPipeline } from './plan.ts'
import { type Member, type PipelineAnswer, type Row, runPipeline } from './run.ts'
import type { PipelineSpec } from './schema.ts'

/** `pipeline.json` of a package: what was declared, and which versions that meant. */
export interface PipelineFile {
  spec: PipelineSpec
  members: Record<string, VersionToLoad>
}

/** A pipeline that is open: what serves rows of it, and how its steps do. */
export interface OpenPipeline {
  encoder: AnyEncoder
  model: LoadedModel
  answer: AnswerText
  plan: PipelinePlan
  members: PipelineFile['members']
  figures: StepFigures
}

export const planOf = ({ spec, members }: PipelineFile): PipelinePlan => planPipeline(spec, (step) => members[step]!)

/** Opens the models of a pipeline, and makes one of them. */
export async function openPipeline(
  file: PipelineFile,
  load: (version: VersionToLoad) => Promise<LoadedRows | LoadedText>,
): Promise<OpenPipeline> {
  const plan = planOf(file)
  const members = new Map<string, Member>()
  const close = async () => {
    await Promise.all([...members.values()].map((member) => member.close()))
  }
  try {
    for (const [step, version] of Object.entries(file.members)) members.set(step, memberOf(await load(version)))
  } catch (error) {
    await close()
    throw error
  }
  const figures = new StepFigures()
  const model: LoadedModel = {
    kind: 'onnx',
    place: 'inline',
    memoryBytes: [...members.values()].reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
    async predict(batch, { signal } = {}) {
      const { records } = batch as PipelineBatch
      return scoresOf(plan, await runPipeline(plan, members, records, { figures, signal }))
    },
    close,
  }
  return {
    encoder: pipelineEncoder(plan.signature),
    model,
    answer: pipelineAnswer(plan.signature),
    plan,
    members: file.members,
    figures,
  }
}

/** Rows as they came: each step reads its own columns. */
interface PipelineBatch extends RawBatch {
  records: Row[]
}

function memberOf(loaded: LoadedRows | LoadedText): Member {
  if (loaded.answers === 'text')
    return {
      memoryBytes: 0,
      async ask(rows, signal) {
        const answers: Awaited<ReturnType<Member['ask']>> = []
        for (const [r, { prompt }] of rows.entries()) {
          if (typeof prompt !== 'string' || prompt === '')
            throw invalidInput(`Row ${r}: there is no prompt.`, { row: r, column: 'prompt' })
          const maxTokens = loaded.signature.generation?.maxNewTokens ?? 256
          answers.push({ ...(await loaded.language.generate({ maxTokens, prompt }, { signal })) } as never)
        }
        return answers
      },
      close: loaded.release,
    }
  const { encoder, model, signature } = loaded
  const predict = compilePrediction(signature)
  return {
    memoryBytes: model.memoryBytes,
    async ask(rows, signal) {
      const scores = await model.predict((await encoder.encode(rows)).batch, { signal })
      return rows.map((_, r) => {
        for (let i = r * scores.width; i < (r + 1) * scores.width; i++)
          if (!Number.isFinite(scores.values[i]!))
            throw invalidInput(`Row ${r} has no answer: the model says ${scores.values[i]}.`, { row: r })
        return { ...predict(scores, r) }
      })
    },
    close: loaded.release,
  }
}

/** Checks the cells of rows as one model's would be; what is prepared (images, sounds, long texts) is checked by the model that reads it. */
function pipelineEncoder(signature: Signature): AnyEncoder {
  const media = signature.inputs.filter(({ tensor }) => mediaTensors.has(tensor))
  const cells = compileEncoder(
    { ...signature, inputs: signature.inputs.filter(({ tensor }) => !mediaTensors.has(tensor)) } as ModelSignature,
    { others: media.map(({ name }) => name) },
  )
  const files = media.filter(({ tensor }) => tensor !== 'tokens')
  return {
    columns: signature.inputs.map(({ name }) => name),
    encode(rows) {
      const { warnings } = cells.encode(rows)
      const records = rows as Row[]
      for (const [r, row] of records.entries())
        for (const { name, type, nullable } of media)
          if (row[name] === undefined && !nullable)
            throw invalidInput(`Row ${r} lacks the column "${name}" (${type}).`, { row: r, column: name })
      const batch: PipelineBatch = { rows: rows.length, numbers: new Float64Array(0), strings: [], records }
      return { batch, warnings, ...(files.length > 0 && { forCapture: (how) => describeFiles(records, files, how) }) }
    },
    encodeBody: () => null,
    encodeBodyOnce: () => null,
    learn() {},
    allowOthers: cells.allowOthers,
  }
}

function scoresOf({ signature }: PipelinePlan, answers: readonly PipelineAnswer[]): RawScores {
  const width = signature.classes?.length ?? (signature.task === 'regression' ? 1 : 0)
  const values = new Float32Array(answers.length * width)
  for (const [r, answer] of answers.entries()) values.set(answer.values, r * width)
  return {
    width,
    values,
    answers: answers.map(({ text, outputs, steps }) => ({
      ...(text !== undefined && { text }),
      ...(outputs && { outputs }),
      ...(steps && { steps }),
    })) as unknown as RawScores['answers'],
  }
}

function pipelineAnswer(signature: Signature): AnswerText {
  const predict = compilePrediction(signature)
  return (scores, row, id) => JSON.stringify({ id, ...predict(scores, row) })
}
