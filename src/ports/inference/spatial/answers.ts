import { invalidInput } from '../../../kernel/errors.ts'
import type { RawScores } from '../inference.ts'
import type { ModelSignature, OutputPlace } from '../signature.ts'
import { type FoundObject, foundObjects } from './found.ts'
import { maskPng } from './mask-png.ts'
import { maskOfImage, type Placement, placementOf } from './placement.ts'

export interface SpatialAnswer {
  /** Detection: what is where, the surest first. */
  objects?: FoundObject[]
  /** Segmentation: a PNG of the image's size whose pixels are the numbers of classes, as a data URL. */
  mask?: string
  /** Segmentation: the share of the image that each class takes. */
  areas?: Record<string, number>
}

/** Objects below this score are told to nobody, whatever the threshold. */
const leastScore = 0.01

/** Compiles how objects are read out of what a graph says; `slack` lets through what is a little below the threshold. */
export function compileObjects(
  signature: ModelSignature,
  { width, offset }: OutputPlace,
  slack = 0,
): (scores: RawScores, row: number) => FoundObject[] {
  const placeOf = compilePlace(signature)
  const { classes, nms = 0.6, threshold } = signature
  const least = Math.max(leastScore, (threshold ?? 0) - slack)
  return (scores, row) =>
    foundObjects(scores.values, row * scores.width + offset, {
      width,
      place: placeOf(scores, row),
      classes: classes ?? [],
      nms,
      least,
    })
}

/** Compiles how the mask of an image is read out of what a graph says. */
export function compileMask(
  signature: ModelSignature,
  { offset }: OutputPlace,
): (scores: RawScores, row: number) => { mask: Uint8Array<ArrayBuffer>; place: Placement } {
  const placeOf = compilePlace(signature)
  const { size } = imageOf(signature)
  return (scores, row) => {
    const place = placeOf(scores, row)
    return { mask: maskOfImage(scores.values, row * scores.width + offset, { size, place }), place }
  }
}

/** What a client is told. */
export function compileSpatialAnswer(
  signature: ModelSignature,
  output: OutputPlace,
): (scores: RawScores, row: number) => SpatialAnswer {
  if (signature.task === 'detection') {
    const objectsOf = compileObjects(signature, output)
    return (scores, row) => ({
      objects: objectsOf(scores, row).map(({ label, score, box }) => ({
        label,
        score: rounded(score, 4),
        box: box.map((value) => rounded(value, 2)) as FoundObject['box'],
      })),
    })
  }
  const maskOf = compileMask(signature, output)
  return (scores, row) => {
    const { mask, place } = maskOf(scores, row)
    return {
      mask: `data:image/png;base64,${maskPng(mask, place).toString('base64')}`,
      areas: areasOf(mask, signature.classes ?? []),
    }
  }
}

function areasOf(mask: Uint8Array, classes: readonly string[]): Record<string, number> {
  const counts = new Float64Array(256)
  for (let i = 0; i < mask.length; i++) counts[mask[i]!]!++
  return Object.fromEntries(classes.map((name, k) => [name, rounded(counts[k]! / mask.length, 4)]))
}

function compilePlace(signature: ModelSignature): (scores: RawScores, row: number) => Placement {
  const { size, fit } = imageOf(signature)
  return ({ frames }, row) => {
    const frame = frames?.[row]
    if (!frame) throw invalidInput(`Row ${row} has no image whose size is known.`, { row })
    return placementOf(frame, size, fit)
  }
}

function imageOf({ inputs }: ModelSignature): { size: number; fit: string } {
  const image = inputs.find(({ tensor }) => tensor === 'image')
  if (!image?.size) throw invalidInput('The signature has no image, in which things could be found.')
  return { size: image.size[0], fit: image.fit ?? 'pad' }
}

const rounded = (value: number, digits: number): number => Math.round(value * 10 ** digits) / 10 ** digits
