/** The try-it form with an image and with a sound, in a real browser. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createAtoll } from '../../sdk/src/index.ts'
import { storePackage } from '../../src/domains/registry/package.ts'
import type { Signature } from '../../src/domains/registry/schema.ts'
import { newId } from '../../src/kernel/ids.ts'
import { openWorld, type World } from '../platform-world.ts'
import { noBrowser, openBrowser, openPage, root } from './product.ts'

const media = join(root, 'src/ports/inference/fixtures/media')
const picture = (name: string) => Buffer.from(JSON.parse(readFileSync(join(media, 'images.json'), 'utf8'))[name].file, 'base64')

const bare = { target: 'what', positive: null, tolerance: 1e-4 }
const photos: Signature = {
  ...bare,
  task: 'multilabel',
  classes: ['red', 'green', 'blue'],
  threshold: null,
  thresholds: [0.2, 0.2, 0.9],
  inputs: [
    { name: 'photo', type: 'image', tensor: 'image', index: 0, nullable: false, size: [8, 8], channels: 3, example: null },
  ],
}
const clips: Signature = {
  ...bare,
  task: 'anomaly',
  classes: null,
  threshold: 1,
  inputs: [
    { name: 'clip', type: 'audio', tensor: 'audio', index: 0, nullable: false, sampleRate: 8000, samples: null, example: null },
  ],
  outputs: [
    { name: 'score', width: 1 },
    { name: 'vector', width: 2 },
  ],
}

test('an image and a sound are chosen, shown, asked about, and their answers shown', { skip: noBrowser }, async () => {
  const webRoot = join(root, 'web', 'dist')
  assert.ok(existsSync(webRoot), 'The web pages are not built: npm run build makes web/dist.')
  const w = await openWorld('sqlite', {}, { webRoot })
  const browser = await openBrowser()
  try {
    const atoll = createAtoll({ url: w.server.url, token: w.token })
    const { user } = await atoll.session.get()
    await register(w, user!.id, { name: 'photos', graph: 'image.onnx', signature: photos, beside: ['preprocess.onnx'] })
    await register(w, user!.id, { name: 'clips', graph: 'audio.onnx', signature: clips, beside: [] })
    for (const name of ['photos', 'clips'])
      await atoll.endpoints.create({ name, model: name, project: w.project.id, capture: { thumbnails: true } })
    const { page, complaints } = await openPage(browser, { baseURL: w.server.url })
    const { link } = await atoll.users.signInLink(user!.id)
    await page.goto(`${w.server.url}/sign-in#link=${link}`)
    await page.waitForURL(/\/p\//)

    await page.goto(`/p/${w.project.name}/endpoints/photos`)
    await page
      .getByLabel('photo', { exact: true })
      .setInputFiles({ name: 'tom.jpg', mimeType: 'image/jpeg', buffer: picture('420.jpg') })
    const preview = page.getByRole('img', { name: 'Preview of tom.jpg' })
    await preview.waitFor()
    assert.ok(await preview.evaluate((image: HTMLImageElement) => image.decode().then(() => image.naturalWidth > 0)))
    assert.match(await page.getByText('--data-binary').innerText(), /@tom\.jpg/)
    await page.getByRole('button', { name: 'Predict' }).click()
    const answer = page.getByRole('status').filter({ hasText: 'there and back' })
    await answer.waitFor()
    assert.match(await answer.innerText(), /red[\s\S]*%[\s\S]*there and back, version 1/)
    await shot(page, 'photos')
    await page
      .getByLabel('photo', { exact: true })
      .setInputFiles({ name: 'x.png', mimeType: 'image/png', buffer: Buffer.from('no image') })
    await page.getByRole('button', { name: 'Predict' }).click()
    await page.getByText('it is no image that is known here').waitFor()

    await page.goto(`/p/${w.project.name}/endpoints/photos?tab=captures`)
    await page.getByRole('img', { name: 'What was asked about' }).first().waitFor()

    await page.goto(`/p/${w.project.name}/endpoints/clips`)
    await page.getByLabel('clip', { exact: true }).setInputFiles({ name: 'hum.wav', mimeType: 'audio/wav', buffer: hum() })
    const player = page.getByLabel('Player of hum.wav')
    await player.waitFor()
    assert.ok(
      await player.evaluate(
        (audio: HTMLAudioElement) =>
          new Promise((resolve) => {
            audio.onloadedmetadata = () => resolve(true)
            audio.onerror = () => resolve(false)
            audio.load()
          }),
      ),
    )
    await page.getByRole('button', { name: 'Predict' }).click()
    await page
      .getByRole('status')
      .filter({ hasText: /like the others[\s\S]*Score[\s\S]*Coordinates/ })
      .waitFor()
    await shot(page, 'clips')
    assert.deepEqual(complaints, [])
  } finally {
    await browser.close()
    await w.close()
  }
})

async function shot(page: { screenshot(options: { path: string }): Promise<unknown> }, name: string): Promise<void> {
  const folder = process.env.ATOLL_SHOTS
  if (folder) await page.screenshot({ path: join(folder, `media-${name}.png`) })
}

/** A second of a tone: 8,000 samples of 16 bits. */
function hum(): Buffer {
  const sound = Buffer.alloc(16_000)
  for (let i = 0; i < 8000; i++) sound.writeInt16LE(Math.round(200 * Math.sin(i / 3)), 2 * i)
  const head = Buffer.alloc(44)
  head.write('RIFF    WAVEfmt ')
  head.writeUInt32LE(36 + sound.length, 4)
  for (const [at, value] of [
    [16, 16],
    [24, 8000],
    [28, 16_000],
    [40, sound.length],
  ] as const)
    head.writeUInt32LE(value, at)
  head.writeUInt16LE(1, 20)
  head.writeUInt16LE(1, 22)
  head.writeUInt16LE(2, 32)
  head.writeUInt16LE(16, 34)
  head.write('data', 36)
  return Buffer.concat([head, sound])
}

interface Made {
  name: string
  graph: string
  signature: Signature
  beside: string[]
}

async function register(w: World, userId: string, { name, graph, signature, beside }: Made): Promise<void> {
  const { blobs, files, metadata, domains } = w.platform
  const open = [{ path: 'model.onnx', root: media, at: graph }, ...beside.map((path) => ({ path, root: media, at: path }))]
  const manifest = await storePackage({ blobs, files }, { kind: 'onnx', open, sandboxOnly: [] })
  const by = await domains.auth.users.principal(userId)
  const parity = {
    rows: 1000,
    heldOutRows: 1000,
    injectedRows: 0,
    flips: 0,
    maxDiff: 0,
    tolerance: 1e-4,
    passed: true,
    served: 'onnx',
  }
  await metadata.transaction((tx) =>
    domains.registry.register(
      tx,
      by,
      { name, projectId: w.project.id },
      {
        id: newId('mdv'),
        task: signature.task,
        algorithm: 'image_cnn',
        target: 'what',
        goal_id: null,
        dataset_id: 'ds_1',
        dataset_version_id: 'dsv_1',
        split_id: 'spl_1',
        run_id: 'run_1',
        job_id: 'job_1',
        manifest: JSON.stringify(manifest),
        signature: JSON.stringify(signature),
        validation: '{}',
        test: '{}',
        parity: JSON.stringify({ ...parity, reason: null, modelSha256: 'x', at: new Date().toISOString() }),
        predictions: null,
        training_spec: '{}',
        sealed_opened_at: Date.now(),
        created_by: userId,
      },
    ),
  )
}
