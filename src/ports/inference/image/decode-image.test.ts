import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { crc32, deflateSync } from 'node:zlib'
import { decodeImage } from './decode-image.ts'

const images: Record<string, { file: string; width: number; height: number; rgb: string }> = JSON.parse(
  readFileSync(new URL('../fixtures/media/images.json', import.meta.url), 'utf8'),
)
const bytes = (name: string) => Buffer.from(images[name]!.file, 'base64')

for (const [name, { width, height, rgb }] of Object.entries(images))
  test(`${name}: every pixel is the one that pillow sees`, async () => {
    const pixels = await decodeImage(bytes(name))
    assert.deepEqual([pixels.width, pixels.height], [width, height])
    assert.ok(Buffer.from(rgb, 'base64').equals(pixels.data))
  })

const refused = (content: Uint8Array, message: RegExp) =>
  assert.rejects(decodeImage(content), (error: Error & { code: string }) => {
    assert.equal(error.code, 'invalid_input')
    assert.match(error.message, message)
    return true
  })

test('what is no image, or one of a kind that is not taken, is named by its content', async () => {
  await refused(new Uint8Array(0), /It is no image that is known here\. Send JPEG/)
  await refused(Buffer.from('hello'), /no image that is known/)
  await refused(
    Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'),
    /an SVG or other XML/,
  )
  await refused(Buffer.from('\uFEFF <?xml version="1.0"?><svg/>'), /an SVG or other XML/)
  await refused(Buffer.from('%PDF-1.7'), /a PDF/)
  await refused(Buffer.from('\0\0\0\x1cftypheic'), /HEIC/)
})

test('images that are cut short or damaged are refused, never half read', async () => {
  for (const name of ['rgb.png', '444.jpg', 'progressive.jpg', 'lossless.webp', 'animated.gif', 'rgb.tif']) {
    const whole = bytes(name)
    // The first frame of an animation may be whole.
    for (const share of name === 'animated.gif' ? [0.3] : [0.3, 0.7])
      await refused(whole.subarray(0, Math.floor(whole.length * share)), /but it cannot be read: it is damaged or cut short/)
  }
  const changed = bytes('rgb.png')
  changed[changed.indexOf('IDAT') + 12]! ^= 0xff
  await refused(changed, /a PNG, but it cannot be read/)
})

test('an image with any bytes changed is read or refused, never anything else', async () => {
  let seed = 7
  const next = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31
    return seed % below
  }
  for (const name of ['transparent.gif', 'animated.gif', 'palette.png', '420.jpg', 'lossy.webp', 'cmyk.tif'])
    for (let round = 0; round < 60; round++) {
      const changed = bytes(name).subarray(0, round % 3 === 0 ? 20 + next(700) : undefined)
      for (let i = 0; i < 1 + (round % 4); i++) changed[6 + next(changed.length - 6)] = next(256)
      await decodeImage(changed).then(
        ({ data, width, height }) => assert.equal(data.length, width * height * 3),
        (error) => assert.equal(error.code, 'invalid_input', `${name}: ${error.stack}`),
      )
    }
})

test('a small file of a huge image is refused before its pixels are made', async () => {
  const before = process.memoryUsage().rss
  for (const [width, height] of [
    [50_000, 50_000],
    [7000, 7000],
    [2 ** 31 - 1, 1],
  ])
    await refused(bomb(width!, height!), /more than 40 million pixels|at most 40 million|cannot be read/)
  assert.ok(process.memoryUsage().rss - before < 200 * 2 ** 20)
})

/** A PNG that says how large it is, with the start of so many zeros. */
function bomb(width: number, height: number): Buffer {
  const chunk = (kind: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(kind), data])
    const head = Buffer.alloc(4)
    head.writeUInt32BE(data.length)
    const sum = Buffer.alloc(4)
    sum.writeUInt32BE(crc32(body))
    return Buffer.concat([head, body, sum])
  }
  const size = Buffer.alloc(13)
  size.writeUInt32BE(width)
  size.writeUInt32BE(height, 4)
  size.set([8, 2, 0, 0, 0], 8)
  const parts = [chunk('IHDR', size), chunk('IDAT', deflateSync(Buffer.alloc(10_000_000))), chunk('IEND', Buffer.alloc(0))]
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...parts])
}
