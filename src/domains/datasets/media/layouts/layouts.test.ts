import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { localFiles } from '../../../../ports/files/local.ts'
import { openMedia } from '../../../../ports/media/open.ts'
import { picture, tone, type ZipEntry, zipOf } from '../../../../ports/media/testing.ts'
import { survey } from '../survey.ts'
import { layOut } from './detect-layout.ts'
import type { LaidOut, LayoutName } from './layout.ts'

const root = mkdtempSync(join(tmpdir(), 'atoll-layouts-'))
const media = openMedia()
const files = localFiles()
after(async () => {
  await media.close()
  rmSync(root, { recursive: true, force: true })
})

let count = 0
async function lay(entries: ZipEntry[], layout?: LayoutName): Promise<LaidOut & { all: string[] }> {
  const from = join(root, `${++count}.zip`)
  writeFileSync(from, zipOf(entries))
  const found = await survey({ media, files }, { from, folder: join(root, `${count}`) })
  const laid = await layOut(found, { layout })
  return { ...laid, all: [...found.warnings, ...laid.warnings].map(({ message }) => message) }
}
const images = async (...names: string[]): Promise<ZipEntry[]> =>
  Promise.all(names.map(async (name, at) => ({ name, content: await picture(at + 1, { width: 40, height: 20 }) })))
const column = (laid: LaidOut, name: string) => laid.columns.find((one) => one.name === name)?.values
const paths = (laid: LaidOut) => laid.items.map(({ path }) => path)

test('folders as labels, below folders that say the part', async () => {
  const laid = await lay(await images('d/train/cat/1.png', 'd/train/dog/2.png', 'd/test/cat/3.png', 'd/test/dog/4.png'))
  assert.equal(laid.layout, 'folders')
  assert.deepEqual(paths(laid), ['train/cat/1.png', 'train/dog/2.png', 'test/cat/3.png', 'test/dog/4.png'])
  assert.deepEqual(column(laid, 'label'), ['cat', 'dog', 'cat', 'dog'])
  assert.deepEqual(column(laid, 'part'), ['train', 'train', 'test', 'test'])
})

test('folders for training and validation alone are no whole split', async () => {
  const laid = await lay(await images('train/cat/1.png', 'train/dog/2.png', 'val/cat/3.png', 'val/dog/4.png'))
  assert.deepEqual(column(laid, 'came_in'), ['train', 'train', 'validation', 'validation'])
  assert.equal(column(laid, 'part'), undefined)
})

test('one folder tells nothing apart; said so when it is asked for', async () => {
  const entries = await images('cats/1.png', 'cats/2.png')
  assert.equal((await lay(entries)).layout, 'files')
  const forced = await lay(entries, 'folders')
  assert.deepEqual(column(forced, 'label'), ['cats', 'cats'])
  assert.match(forced.all.join(), /one class "cats": there is nothing to tell apart/)
})

test('a table that names the files: other columns stay, absent files and broken lines are named', async () => {
  const laid = await lay([
    ...(await images('img/a.png', 'img/b.png', 'img/c.png', 'img/d.png')),
    { name: 'labels.csv', content: 'file,species,age\na.png,cat,3\nb.png,dog,4\nabsent.png,dog,5\nc.png,cat\n' },
  ])
  assert.equal(laid.layout, 'table')
  assert.equal(laid.target, 'species')
  assert.deepEqual(paths(laid), ['img/a.png', 'img/b.png', 'img/c.png', 'img/d.png'])
  assert.deepEqual(column(laid, 'species'), ['cat', 'dog', null, null])
  assert.match(laid.all.join('\n'), /"labels.csv", line 5 has 2 fields where 3 are expected/)
  assert.match(laid.all.join('\n'), /"labels.csv", line 4: "absent.png"/)
  assert.match(laid.all.join('\n'), /2 images are in no line of the table/)
})

test('JSON lines with a broken line; a split column gets the name that splits look for', async () => {
  const laid = await lay([
    ...(await images('a.png', 'b.png', 'c.png')),
    {
      name: 'meta.jsonl',
      content:
        '{"file_name": "a.png", "label": "x", "split": "train"}\n{"file_name": "b.png", broken\n{"file_name": "c.png", "label": "y", "split": "test"}\n{"file_name": "b.png", "label": "y", "split": "train"}\n',
    },
  ])
  assert.deepEqual(column(laid, 'part'), ['train', 'test', 'train'])
  assert.match(laid.all.join('\n'), /"meta.jsonl", line 2 is not valid JSON/)
})

test('recordings with transcripts and speakers, without a header', async () => {
  const laid = await lay([
    ...['LJ1', 'LJ2', 'LJ3'].map((name, at) => ({ name: `wavs/${name}.wav`, content: tone(0.1 * (at + 1)) })),
    { name: 'metadata.csv', content: 'LJ1|Good morning to you.\nLJ2|How are you, sir?\nLJ3|Fine.\n' },
  ])
  assert.deepEqual([laid.media, laid.layout], ['audio', 'table'])
  assert.deepEqual(column(laid, 'column_2'), ['Good morning to you.', 'How are you, sir?', 'Fine.'])
  assert.deepEqual(
    laid.items.map(({ audio }) => [audio?.seconds, audio?.sampleRate, audio?.channels]),
    [
      [0.1, 8000, 1],
      [0.2, 8000, 1],
      [0.3, 8000, 1],
    ],
  )
})

test('COCO: boxes outside of images are cut or left out, each said', async () => {
  const coco = {
    images: [
      { id: 1, file_name: 'a.png' },
      { id: 2, file_name: 'b.png' },
      { id: 3, file_name: 'gone.png' },
    ],
    categories: [
      { id: 7, name: 'cup' },
      { id: 8, name: 'pen' },
    ],
    annotations: [
      { image_id: 1, category_id: 7, bbox: [1, 2, 10, 5], segmentation: [[1, 2, 11, 2, 11, 7]] },
      { image_id: 1, category_id: 8, bbox: [35, 10, 20, 20] },
      { image_id: 2, category_id: 8, bbox: [100, 100, 5, 5] },
      { image_id: 9, category_id: 8, bbox: [1, 1, 5, 5] },
    ],
  }
  const laid = await lay([
    ...(await images('images/a.png', 'images/b.png', 'images/c.png')),
    { name: 'annotations/instances.json', content: JSON.stringify(coco) },
  ])
  assert.equal(laid.layout, 'coco')
  assert.deepEqual(JSON.parse(column(laid, 'boxes')![0]!), [
    { label: 'cup', box: [1, 2, 10, 5], polygon: [1, 2, 11, 2, 11, 7] },
    { label: 'pen', box: [35, 10, 5, 10] },
  ])
  assert.deepEqual(column(laid, 'objects'), ['2', '0'])
  assert.match(laid.all.join('\n'), /lies outside of "images\/b.png"/)
  assert.match(laid.all.join('\n'), /1 boxes reached beyond their image/)
  assert.match(laid.all.join('\n'), /1 images are described and not there: "gone.png"/)
  assert.match(laid.all.join('\n'), /1 image is described by nothing and in no row: "images\/c.png"/)
})

test('Pascal VOC and YOLO give the same boxes', async () => {
  const pictures = await images('images/a.png', 'images/b.png')
  const voc = await lay([
    ...pictures,
    {
      name: 'annotations/a.xml',
      content:
        '<annotation><filename>a.png</filename><object><name>cup &amp; saucer</name><bndbox><xmin>10</xmin><ymin>5</ymin><xmax>30</xmax><ymax>15</ymax></bndbox></object></annotation>',
    },
  ])
  assert.equal(voc.layout, 'voc')
  assert.deepEqual(JSON.parse(column(voc, 'boxes')![0]!), [{ label: 'cup & saucer', box: [10, 5, 20, 10] }])
  const yolo = await lay([
    ...pictures,
    { name: 'labels/a.txt', content: '0 0.5 0.5 0.5 0.5\n0 0.5 abc\n' },
    { name: 'data.yaml', content: "train: images\nnames: ['cup & saucer', 'pen']\n" },
  ])
  assert.equal(yolo.layout, 'yolo')
  assert.deepEqual(
    column(yolo, 'boxes')!.map((text) => JSON.parse(text!)),
    [[{ label: 'cup & saucer', box: [10, 5, 20, 10] }], []],
  )
  assert.match(yolo.all.join('\n'), /"labels\/a.txt", line 2 is not/)
})

test('masks that do not match their image are named and not used', async () => {
  const laid = await lay([
    ...(await images('images/a.png', 'images/b.png', 'images/c.png')),
    { name: 'masks/a_mask.png', content: await picture(50, { width: 40, height: 20 }) },
    { name: 'masks/b_mask.png', content: await picture(51, { width: 8, height: 8 }) },
  ])
  assert.equal(laid.layout, 'masks')
  assert.deepEqual(paths(laid), ['images/a.png', 'images/b.png', 'images/c.png'])
  assert.deepEqual(column(laid, 'mask'), ['masks/a_mask.png', null, null])
  assert.match(laid.all.join('\n'), /The mask "masks\/b_mask.png" is 8 x 8 pixels and its image "images\/b.png" 40 x 20/)
  assert.match(laid.all.join('\n'), /1 images have no mask: "images\/c.png"/)
})

test('what cannot be read is named, and the rest goes on', async () => {
  const good = await picture(1)
  const laid = await lay([
    { name: 'x/cat/1.png', content: good },
    { name: 'x/dog/2.png', content: await picture(2) },
    { name: 'x/dog/cut.png', content: good.subarray(0, good.length - 40) },
    { name: 'x/dog/empty.png', content: '' },
    { name: 'x/dog/page.png', content: '<html><script>alert(1)</script>' },
    { name: 'x/dog/drawing.svg', content: '<svg xmlns="http://www.w3.org/2000/svg"/>' },
    { name: 'x/cat/really-a-png.jpg', content: await picture(3) },
  ])
  assert.deepEqual(paths(laid), ['cat/1.png', 'dog/2.png', 'cat/really-a-png.jpg'])
  const all = laid.all.join('\n')
  assert.match(all, /"dog\/cut.png" is (cut off|damaged)/)
  assert.match(all, /"dog\/empty.png" has no bytes/)
  assert.match(all, /"dog\/page.png" is text, whatever its name says/)
})

test('recordings without sound and with a broken header are named', async () => {
  const laid = await lay([
    { name: 'yes/1.wav', content: tone(0.2) },
    { name: 'no/2.wav', content: tone(0.2, { sampleRate: 16_000, channels: 2 }) },
    { name: 'no/silent.wav', content: tone(0) },
    { name: 'no/broken.wav', content: Buffer.concat([tone(0.1).subarray(0, 20)]) },
  ])
  assert.deepEqual(paths(laid), ['yes/1.wav', 'no/2.wav'])
  assert.match(laid.all.join('\n'), /"no\/silent.wav" holds no sound/)
  assert.match(laid.all.join('\n'), /"no\/broken.wav" (is damaged|holds no sound)/)
})
