import assert from 'node:assert/strict'
import test from 'node:test'
import sharp from 'sharp'
import { compilePrediction } from '../row-prediction.ts'
import type { ModelSignature } from '../signature.ts'
import { maskPng } from './mask-png.ts'
import { placementOf, toImage } from './placement.ts'

const detection: ModelSignature = {
  task: 'detection',
  classes: ['cat', 'dog'],
  positive: null,
  threshold: 0.5,
  nms: 0.6,
  inputs: [
    { name: 'photo', type: 'image', tensor: 'image', index: 0, nullable: false, size: [100, 100], channels: 3, fit: 'pad' },
  ],
  outputs: [{ name: 'objects', width: 24 }],
}

test('objects are told in pixels of the image, the surest first, the best of overlapping ones of a class', () => {
  const values = Float32Array.from(
    [
      [1, 0.75, 10, 30, 30, 50],
      [0, 0.9, 10, 30, 30, 50],
      [0, 0.8, 11, 30, 31, 50],
      [0, 0.4, 60, 30, 80, 50],
    ].flat(),
  )
  const { objects } = compilePrediction(detection)({ width: 24, values, frames: [{ height: 50, width: 100 }] }, 0)
  assert.deepEqual(objects, [
    { label: 'cat', score: 0.9, box: [10, 5, 20, 20] },
    { label: 'dog', score: 0.75, box: [10, 5, 20, 20] },
  ])
})

test('without the size of the image nothing can be placed', () => {
  const scores = { width: 24, values: new Float32Array(24) }
  assert.throws(() => compilePrediction(detection)(scores, 0), /no image whose size is known/)
})

test('sides are rounded as the graph rounds them: in float32, halves to even', () => {
  assert.deepEqual(placementOf({ height: 37, width: 90 }, 64, 'pad'), {
    height: 37,
    width: 90,
    newHeight: 26,
    newWidth: 64,
    top: 19,
    left: 0,
  })
  // 5 * 0.5 = 2.5 becomes 2, 7 * 0.5 = 3.5 becomes 4.
  assert.equal(placementOf({ height: 5, width: 64 }, 32, 'pad').newHeight, 2)
  assert.equal(placementOf({ height: 7, width: 64 }, 32, 'pad').newHeight, 4)
  const place = placementOf({ height: 20, width: 40 }, 64, 'stretch')
  assert.deepEqual(toImage([0, 0, 64, 80], place), [0, 0, 40, 20])
})

test('a mask comes back in the size of the image, as a PNG whose pixels are classes', async () => {
  const signature: ModelSignature = {
    ...detection,
    task: 'segmentation',
    threshold: null,
    inputs: [{ ...detection.inputs[0]!, size: [4, 4] }],
    outputs: [{ name: 'mask', width: 16 }],
  }
  const square = Float32Array.from([9, 9, 9, 9, 0, 0, 1, 1, 0, 0, 1, 1, 9, 9, 9, 9])
  const { mask, areas } = compilePrediction(signature)({ width: 16, values: square, frames: [{ height: 3, width: 6 }] }, 0)
  const { data, info } = await sharp(Buffer.from(mask!.split(',')[1]!, 'base64'))
    .raw()
    .toBuffer({ resolveWithObject: true })
  assert.deepEqual([info.width, info.height], [6, 3])
  const pixels = Array.from({ length: 18 }, (_, i) => data[i * info.channels])
  assert.deepEqual(pixels, [0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1])
  assert.deepEqual(areas, { cat: 0.5, dog: 0.5 })
})

test('a PNG of many pixels is whole', async () => {
  const mask = Uint8Array.from({ length: 300 * 200 }, (_, i) => (i * 7) % 5)
  const { data } = await sharp(maskPng(mask, { height: 200, width: 300 }))
    .extractChannel(0)
    .raw()
    .toBuffer({ resolveWithObject: true })
  assert.deepEqual(new Uint8Array(data), mask)
})
