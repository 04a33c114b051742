import type { UnpackedItem } from '../../../../ports/media/media.ts'
import { nameOf, stemOf } from './find-item.ts'
import { countOf, type LaidOut, type MediaWarning, quoted, type Survey } from './layout.ts'
import { partOf, partsColumn } from './parts.ts'

const maskFolder = /^(masks?|labels?|annotations?|annos?|gts?|ground[_-]?truth|targets?|segmentation(s|class|object)?)$/i
const maskEnding = /[-_. ](mask|masks|gt|seg|segmentation|label|labels|l)$/i

/** Images and, for each, a picture of the same size that says what every pixel is. Null when there are no such pairs. */
export function layMasks({ media, kind, cut }: Survey, { forced = false } = {}): LaidOut | null {
  if (kind !== 'image') return null
  const masks = media.filter(({ path }) => isMask(path))
  const images = media.filter(({ path }) => !isMask(path))
  const byKey = new Map(masks.map((item) => [keyOf(item.path), item]))
  const pairs = images.map((image) => ({ image, mask: byKey.get(keyOf(image.path)) ?? null }))
  const paired = pairs.filter(({ mask }) => mask !== null).length
  if (masks.length === 0 || images.length === 0 || paired === 0 || (!forced && paired < 0.5 * images.length)) return null
  const wrong = pairs.filter(({ image, mask }) => mask !== null && !sameSize(image, mask))
  const bare = pairs.filter(({ mask }) => mask === null)
  const used = new Set(pairs.map(({ mask }) => mask))
  const lone = masks.filter((mask) => !used.has(mask))
  const parts = images.map(
    ({ path }) =>
      path
        .split('/')
        .slice(0, -1)
        .map(partOf)
        .find((part) => part !== null) ?? null,
  )
  return {
    layout: 'masks',
    media: kind,
    sentence: `${countOf(images.length, kind)}, ${paired} of them with a mask of what is where.`,
    items: images,
    columns: [
      { name: 'mask', type: 'image', values: pairs.map(({ image, mask }) => (mask && sameSize(image, mask) ? mask.path : null)) },
      ...partsColumn(parts),
    ],
    target: null,
    warnings: [
      ...wrong.slice(0, 50).map(({ image, mask }) => ({
        code: 'mask_size',
        message: `The mask "${mask!.path}" is ${sizeOf(mask!)} pixels and its image "${image.path}" ${sizeOf(image)}: it is not used.`,
        facts: { image: image.path, mask: mask!.path },
      })),
      ...(cut
        ? []
        : [
            ...some(
              'no_mask',
              bare.map(({ image }) => image),
              'have no mask',
            ),
            ...some('lone_mask', lone, 'are masks of no image'),
          ]),
    ],
  }
}

const isMask = (path: string) =>
  path
    .split('/')
    .slice(0, -1)
    .some((folder) => maskFolder.test(folder)) || maskEnding.test(stemOf(nameOf(path)))

/** The same for an image and its mask: the name without its ending, and the folders that say neither image nor mask. */
function keyOf(path: string): string {
  const folders = path
    .split('/')
    .slice(0, -1)
    .filter((folder) => !maskFolder.test(folder) && !/^(images?|imgs?|photos?|pictures?|jpe?gimages|inputs?|x)$/i.test(folder))
  return [
    ...folders,
    stemOf(nameOf(path))
      .replace(maskEnding, '')
      .replace(/[-_](image|img)$/i, ''),
  ].join('/')
}

// While only looked at, a picture beyond the first few has no size yet.
const sameSize = ({ image: a }: UnpackedItem, { image: b }: UnpackedItem) =>
  !a || !b || (a.width === b.width && a.height === b.height)
const sizeOf = ({ image }: UnpackedItem) => `${image?.width} x ${image?.height}`

const some = (code: string, items: readonly UnpackedItem[], what: string): MediaWarning[] =>
  items.length === 0
    ? []
    : [
        {
          code,
          message: `${items.length} images ${what}: ${quoted(
            items.map(({ path }) => path),
            4,
          )}.`,
          facts: { count: items.length, items: items.slice(0, 50).map(({ path }) => path) },
        },
      ]
