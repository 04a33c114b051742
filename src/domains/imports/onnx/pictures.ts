import { invalidInput } from '../../../kernel/errors.ts'
import type { OnnxFacts, OnnxValue } from '../inspect/onnx.ts'
import type { ImagePreparation, ImportAnswers, Missing } from '../schema.ts'
import { type OutputPlan, planOutput, refusedInput, settleTask } from './plan.ts'

/** What the job is told of a graph over images. */
export interface PicturePlan {
  image: ImagePreparation
  graph: {
    input: string
    output: string
    layout: 'NCHW' | 'NHWC'
    element: string
    channels: number | null
    height: number | null
    width: number | null
    rows: 1 | null
  }
  make: OutputPlan['make']
}

const elements: Readonly<Record<number, string>> = { 1: 'float32', 2: 'uint8', 3: 'int8', 10: 'float16', 11: 'float64' }

/** Whether a graph reads images: the person says so, or one lies as images do. Null where only they can tell it from a plain tensor. */
export function takesImages(onnx: OnnxFacts, { takes, image }: ImportAnswers, hasPreparation: boolean): boolean | null {
  if (takes) return takes === 'image'
  if (image || hasPreparation) return true
  return onnx.inputs.length === 1 && layoutOf(onnx.inputs[0]!) !== null ? null : false
}

/** How a graph over images is asked. What neither it nor the files beside it say, and the person did not, is missing. */
export function planPictures(
  onnx: OnnxFacts,
  answers: ImportAnswers,
  { path, hasPreparation }: { path: string; hasPreparation: boolean },
): { plan: PicturePlan | null; classes: string[] | null; missing: Missing[] } {
  const missing: Missing[] = []
  const need = (field: string, why: string, choices: readonly string[] = []) =>
    missing.push({ field, why, choices: [...choices] })
  const [input, other] = onnx.inputs
  if (!input || other)
    throw invalidInput(
      `A graph over images has one input; "${path}" has ${onnx.inputs.length}. Bring it as one over tensors (takes: tensor).`,
      { field: 'takes' },
    )
  const refused = refusedInput(path)
  const shape = input.shape
  if (input.kind !== 'tensor' || shape?.length !== 4) throw refused(input, 'is no image: one has four sizes with the rows.')
  const element = elements[input.type]
  if (!element) throw refused(input, 'holds numbers of a kind that images are not made of.')
  const [rows] = shape
  if (rows !== null && rows !== 1)
    throw refused(input, `takes ${rows} images at once, no more and no fewer. Export it with a free number of rows.`)
  const image = answers.image ?? {}
  const layout = layoutOf(input) ?? image.layout ?? null
  if (image.layout && layout !== image.layout) throw refused(input, `does not lie as ${image.layout}.`)
  if (layout === null) need('image-layout', 'Its sizes do not show where the colours are.', ['NCHW', 'NHWC'])
  const [channels, height, width] = layout === 'NHWC' ? [shape[3]!, shape[1]!, shape[2]!] : [shape[1]!, shape[2]!, shape[3]!]
  if ((height === null || width === null) && !image.size && !hasPreparation)
    need('image-size', 'It takes images of any size: say the one in which it is to be shown them.')
  const isSaid = image.scale !== undefined || image.mean !== undefined || image.std !== undefined
  if (!isSaid && !hasPreparation && element !== 'uint8' && element !== 'int8')
    need(
      'image-scale',
      'It does not say how pixels become its numbers: say mean and std by colour (of pixels from 0 to 1), or a scale alone (1 leaves them 0 to 255, 0.00392157 makes them 0 to 1), or bring preprocessor_config.json beside it.',
    )
  const task = settleTask(answers, need)
  const output = planOutput(onnx, answers, task, path, need)
  if (missing.length > 0 || !output) return { plan: null, classes: null, missing }
  return {
    missing,
    classes: output.classes,
    plan: {
      image,
      graph: {
        input: input.name,
        output: output.plan.tensor,
        layout: layout!,
        element,
        channels,
        height,
        width,
        rows: rows === 1 ? 1 : null,
      },
      make: output.plan.make,
    },
  }
}

/** Where the colours of an image are, where its sizes show it. */
function layoutOf({ kind, shape }: OnnxValue): 'NCHW' | 'NHWC' | null {
  if (kind !== 'tensor' || shape?.length !== 4) return null
  const isColours = (size: number | null | undefined) => size === 1 || size === 3
  if (isColours(shape[1]) && !isColours(shape[3])) return 'NCHW'
  return isColours(shape[3]) && !isColours(shape[1]) ? 'NHWC' : null
}
