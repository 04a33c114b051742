import { inflateSync } from 'node:zlib'
import type { RawScores } from '../../ports/inference/inference.ts'
import { type ModelSignature, outputPlaces } from '../../ports/inference/signature.ts'
import { compileMask, compileObjects } from '../../ports/inference/spatial/answers.ts'
import type { FoundObject } from '../../ports/inference/spatial/found.ts'

/** What training code answered to each parity row where the answer has places in the image. */
export interface ExpectedPlaces {
  /** Detection: with those a little below the threshold. */
  objects?: FoundObject[][]
  /** Segmentation: the class of each pixel of the image. */
  mask?: { height: number; width: number; deflated: string }[]
}

/** What is a little below the threshold on one side may be above it on the other: so far from it an object need not be on both. */
const slack = 10

/**
 * Compiles how far what is served is from what training code said of a row: of objects the largest difference of a score, or of an edge as a share
 * of the image's longer side (1 where one of them is missing or is called something else); of masks the share of pixels that differ. Null for
 * tasks without places.
 */
export function compilePlaces(
  signature: ModelSignature & { tolerance: number },
  expected: ExpectedPlaces,
): ((scores: RawScores, r: number, row: number) => number) | null {
  const [output] = outputPlaces(signature)
  if (signature.task === 'detection' && output) {
    const edge = slack * signature.tolerance
    const objectsOf = compileObjects(signature, output, edge)
    const decided = (signature.threshold ?? 0) + edge
    return (scores, r, row) => {
      const served = objectsOf(scores, r)
      const said = expected.objects?.[row]
      if (!said) return 1
      const { height = 1, width = 1 } = scores.frames?.[r] ?? {}
      const side = Math.max(height, width)
      return Math.max(farthest(said, served, { decided, side }), farthest(served, said, { decided, side }))
    }
  }
  if (signature.task === 'segmentation' && output) {
    const maskOf = compileMask(signature, output)
    return (scores, r, row) => {
      const said = expected.mask?.[row]
      const { mask, place } = maskOf(scores, r)
      if (said?.height !== place.height || said.width !== place.width) return 1
      const wanted = inflateSync(Buffer.from(said.deflated, 'base64'))
      let apart = 0
      for (let i = 0; i < mask.length; i++) if (mask[i] !== wanted[i]) apart++
      return apart / mask.length
    }
  }
  return null
}

/** Of the decided objects of one side, how far the farthest is from its like on the other. */
function farthest(
  ones: readonly FoundObject[],
  others: readonly FoundObject[],
  { decided, side }: { decided: number; side: number },
): number {
  let most = 0
  for (const one of ones) {
    if (one.score < decided) continue
    let least = 1
    for (const other of others) if (other.label === one.label) least = Math.min(least, apart(one, other, side))
    most = Math.max(most, least)
  }
  return most
}

function apart(a: FoundObject, b: FoundObject, side: number): number {
  let most = Math.abs(a.score - b.score)
  for (let k = 0; k < 4; k++) most = Math.max(most, Math.abs(a.box[k]! - b.box[k]!) / side)
  return Math.min(1, most)
}
