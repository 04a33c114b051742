import { invalidInput } from '../../../kernel/errors.ts'
import type { Frame } from '../inference.ts'
import { openGraph } from '../open-graph.ts'
import type { SignatureColumn } from '../signature.ts'
import { decodeImage } from './decode-image.ts'

/** Opens `preprocess.onnx`: a file's bytes become the pixels that the model takes. Training code uses the same graph. */
export async function openImages(
  graph: Uint8Array,
  { size, channels = 3, name }: SignatureColumn,
): Promise<(content: Uint8Array) => Promise<{ value: Uint8Array; frame: Frame }>> {
  const { session, Tensor } = await openGraph(graph)
  const [input] = session.inputMetadata
  if (
    !size ||
    session.inputNames.join() !== 'image' ||
    !session.outputNames.includes('pixels') ||
    !input?.isTensor ||
    input.type !== 'uint8'
  )
    throw invalidInput(`The package's preprocess.onnx does not turn "image" (uint8) into "pixels", as the input "${name}" needs.`)
  const wanted = size[0] * size[1] * channels
  return async (content) => {
    const { data, width, height } = await decodeImage(content)
    const { pixels } = await session.run({ image: new Tensor('uint8', data, [height, width, 3]) }, ['pixels'])
    const prepared = pixels!.data as Uint8Array
    if (prepared.length !== wanted)
      throw new Error(
        `preprocess.onnx made ${prepared.length} values of an image; ${size.join(' x ')} x ${channels} were expected.`,
      )
    return { value: prepared, frame: { height, width } }
  }
}
