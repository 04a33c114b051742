/**
 * Unpacks images in the IDX format (MNIST and its kin) into a folder of PNG files, one folder a class:
 *
 *     node unpack.mjs train-images-idx3-ubyte.gz train-labels-idx1-ubyte.gz fashion/train
 *     node unpack.mjs t10k-images-idx3-ubyte.gz t10k-labels-idx1-ubyte.gz fashion/test
 *
 * A fourth argument takes only the first so many of each class, a fifth names the classes (comma separated).
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { argv, exit, stderr } from 'node:process'
import { crc32, deflateSync, gunzipSync } from 'node:zlib'

const fashion = 'T-shirt,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot'
const [imagesFile, labelsFile, folder, each = 'all', names = fashion] = argv.slice(2)
if (!folder) {
  stderr.write('usage: node unpack.mjs IMAGES LABELS FOLDER [EACH|all] [CLASSES]\n')
  exit(2)
}

const images = idx(imagesFile, 2051)
const labels = idx(labelsFile, 2049)
const [, rows, columns] = images.sizes
if (images.sizes[0] !== labels.sizes[0]) {
  stderr.write(`There are ${images.sizes[0]} images and ${labels.sizes[0]} labels.\n`)
  exit(1)
}
const classes = names.split(',')
const most = each === 'all' ? Number.POSITIVE_INFINITY : Number(each)
const counts = classes.map(() => 0)
for (const name of classes) mkdirSync(join(folder, name), { recursive: true })
for (let n = 0; n < images.sizes[0]; n++) {
  const label = labels.data[n]
  if (counts[label]++ >= most) continue
  const pixels = images.data.subarray(n * rows * columns, (n + 1) * rows * columns)
  writeFileSync(join(folder, classes[label], `${String(n).padStart(5, '0')}.png`), png(pixels, columns, rows))
}
const written = counts.reduce((sum, count) => sum + Math.min(count, most), 0)
stderr.write(`${written} images of ${classes.length} classes in ${folder}\n`)

/** IDX: a big-endian header (magic, then the size of each dimension), then unsigned bytes. */
function idx(path, magic) {
  const packed = readFileSync(path)
  const bytes = packed[0] === 0x1f ? gunzipSync(packed) : packed
  if (bytes.readUInt32BE(0) !== magic) {
    stderr.write(`${path} is no IDX file of this kind (magic ${bytes.readUInt32BE(0)}, expected ${magic}).\n`)
    exit(1)
  }
  const dimensions = magic & 255
  const sizes = Array.from({ length: dimensions }, (_, at) => bytes.readUInt32BE(4 + 4 * at))
  return { sizes, data: bytes.subarray(4 + 4 * dimensions) }
}

/** An 8-bit grey PNG. */
function png(pixels, width, height) {
  const lines = Buffer.alloc(height * (width + 1))
  for (let y = 0; y < height; y++) pixels.copy(lines, y * (width + 1) + 1, y * width, (y + 1) * width)
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header[8] = 8
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(lines, { level: 6 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const frame = Buffer.alloc(8)
  frame.writeUInt32BE(data.length, 0)
  frame.writeUInt32BE(crc32(body), 4)
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)])
}
