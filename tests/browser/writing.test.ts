/** A conversation with a language model, and a text that it goes on from, in a real browser. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createAtoll } from '../../sdk/src/index.ts'
import { alphabetModel } from '../../src/ports/language/testing.ts'
import { openWorld } from '../platform-world.ts'
import { faults, overflow } from './faults.ts'
import { noBrowser, openBrowser, openPage, root } from './product.ts'

test('a language model answers on its page as it writes, is stopped, and says what it took', {
  skip: noBrowser,
  timeout: 180_000,
}, async () => {
  const webRoot = join(root, 'web', 'dist')
  assert.ok(existsSync(webRoot), 'The web pages are not built: npm run build makes web/dist.')
  const w = await openWorld('sqlite', {}, { webRoot })
  const browser = await openBrowser()
  try {
    const atoll = createAtoll({ url: w.server.url, token: w.token })
    await w.platform.startWorkers()
    const upload = await atoll.uploads.send(new Blob([new Uint8Array(alphabetModel({ contextLength: 8192 }))]))
    const { job } = await atoll.weights.create({ name: 'letters', source: { upload: upload.id } })
    await atoll.jobs.wait(job)
    const { user } = await atoll.session.get()
    const { link } = await atoll.users.signInLink(user!.id)
    const { page, complaints } = await openPage(browser, { baseURL: w.server.url })
    await page.goto(`${w.server.url}/sign-in#link=${link}`)
    await page.waitForURL(/\/p\//)

    await page.goto(`/p/${w.project.name}/weights`)
    await page.getByRole('button', { name: 'letters' }).click()
    await page.getByRole('button', { name: 'Register as a model' }).click()
    await page.getByText('A language model that was brought, not made here').waitFor()
    await page.getByRole('link', { name: 'Proof' }).click()
    await page.getByText('no training code that what is served could be compared with').waitFor()
    await atoll.endpoints.create({ name: 'letters', model: 'letters', project: w.project.id })

    await page.goto(`/p/${w.project.name}/endpoints/letters`)
    const message = page.getByRole('textbox', { name: 'Message' })
    await message.fill('<b>hello</b>')
    await message.press('Enter')
    const log = page.getByRole('log', { name: 'Conversation' })
    await log.getByText('abcdefghijklmnopqrstuvwxyz').waitFor()
    assert.match(await log.innerText(), /You\s+<b>hello<\/b>\s+Model\s+abcdef/)
    await page.getByText(/\d+ tokens read, 26 written/).waitFor()
    await page.getByRole('spinbutton', { name: 'Most tokens' }).fill('4')
    await message.fill('again')
    await page.getByRole('button', { name: 'Send' }).click()
    await page.getByText(/4 written .*cut at the most tokens/).waitFor()
    assert.deepEqual(await faults(page), [])
    await page.setViewportSize({ width: 390, height: 800 })
    assert.equal(await overflow(page), null)
    await page.setViewportSize({ width: 1280, height: 800 })

    await page.getByText('Prompt', { exact: true }).first().click()
    await page.getByRole('spinbutton', { name: 'Most tokens' }).fill('8000')
    await page.getByRole('textbox', { name: 'Prompt' }).fill('price =')
    await page.getByRole('button', { name: 'Write on' }).click()
    await page.getByText('€./0123').first().waitFor()
    await page.getByRole('button', { name: 'Stop', exact: true }).click()
    await page.getByText('Stopped.').waitFor()
    assert.match(await page.getByText('curl -N').innerText(), /"prompt": "price ="/)
    assert.deepEqual(complaints, [])
  } finally {
    await browser.close()
    await w.close()
  }
})
