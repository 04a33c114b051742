import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { faults, overflow } from './faults.ts'
import { fillQuickly } from './fill.ts'
import { type Filled, type Place, placesOf } from './places.ts'
import {
  noBrowser,
  openBrowser,
  openPage,
  openSignedIn,
  type Product,
  root,
  settled,
  startProduct,
  type Watched,
} from './product.ts'

const names: Filled = {
  project: 'p',
  dataset: 'd',
  goal: 'g',
  recipe: 'r',
  model: 'm',
  endpoint: 'e',
  monitor: 'o',
  loop: 'l',
  transform: 't',
  trainingJob: 'j',
  comparison: 'k',
  images: 'i',
  recordings: 'a',
  failedJob: 'f',
  runs: ['a', 'b'],
  versions: ['m:1', 'm:2'],
}
/** Pages whose content is a refusal. */
const refusing = new Set(['job-failed', 'not-there'])

test('every address of the router is among the pages looked at', () => {
  const router = readFileSync(join(root, 'web', 'src', 'router.tsx'), 'utf8')
  const patterns = [...router.matchAll(/getParentRoute: \(\) => project,\s+path: '([^']+)'/g)].map((match) => match[1]!)
  assert.ok(patterns.length > 20, `${patterns.length} addresses found`)
  const paths = placesOf(names).map((place) => place.path.split('?')[0]!.slice('/p/p'.length))
  // The first pattern that fits is the page: /goals/new is not /goals/$goal.
  const fits = (pattern: string, path: string) => new RegExp(`^${pattern.replace(/\$\w+/g, '[^/]+')}$`).test(path)
  const reached = new Set(paths.map((path) => patterns.find((one) => one === path) ?? patterns.find((one) => fits(one, path))))
  assert.deepEqual(
    patterns.filter((pattern) => !reached.has(pattern)),
    [],
  )
})

describe('every page', { skip: noBrowser, timeout: 900_000 }, () => {
  let product: Product
  let browser: Browser
  let filled: Filled
  let watched: Watched
  let page: Page

  before(async () => {
    product = await startProduct()
    browser = await openBrowser()
    filled = await fillQuickly(product.atoll)
    watched = await openSignedIn(browser, product)
    page = watched.page
  })
  after(async () => {
    await browser?.close()
    await product?.stop()
  })

  for (const { name } of placesOf(names))
    test(`${name}: shows itself, in light and dark, at 1280 and 390 px, without a serious finding`, async () => {
      const place = placesOf(filled).find((one) => one.name === name)!
      watched.complaints.length = 0
      await page.setViewportSize({ width: 1280, height: 800 })
      await page.emulateMedia({ colorScheme: 'light' })
      await open(place)
      if (!refusing.has(name))
        assert.deepEqual(await page.locator('main [role="alert"], [role="dialog"] [role="alert"]').allInnerTexts(), [])
      assert.deepEqual(await faults(page), [], 'light')
      assert.equal(await overflow(page), null, 'at 1280 px')
      await page.emulateMedia({ colorScheme: 'dark' })
      assert.deepEqual(await faults(page, ['color-contrast']), [], 'dark')
      await page.setViewportSize({ width: 390, height: 844 })
      assert.equal(await overflow(page), null, 'at 390 px')
      assert.deepEqual(watched.complaints, [])
    })

  test('sign-in: shows itself without a serious finding, and says what was wrong', async () => {
    const out = await openPage(browser)
    await out.page.goto(`${product.url}/sign-in`)
    await out.page.getByLabel('E-mail').fill('nobody@example.org')
    await out.page.getByLabel('Password').fill('not the password')
    await out.page.getByRole('button', { name: 'Sign in' }).click()
    await out.page.getByRole('alert').waitFor()
    for (const colorScheme of ['light', 'dark'] as const) {
      await out.page.emulateMedia({ colorScheme })
      assert.deepEqual(await faults(out.page), [], colorScheme)
    }
    await out.page.setViewportSize({ width: 390, height: 844 })
    assert.equal(await overflow(out.page), null)
    await out.page.context().close()
  })

  test('a page behind the sign-in leads back to itself, by a link pasted where one is asked to sign in', async () => {
    const out = await openPage(browser)
    const path = placesOf(filled).find((place) => place.name === 'data-profile')!.path
    await out.page.goto(product.url + path)
    await out.page.waitForURL(/sign-in\?next=/)
    const { user } = await product.atoll.session.get()
    const { link } = await product.atoll.users.signInLink(user!.id)
    await out.page.goto(`${out.page.url()}#link=${link}`)
    await out.page.waitForURL((url) => url.pathname + url.search === path)
    await out.page.context().close()
  })

  test('an empty project says on each page what to do first', async () => {
    const empty = await product.atoll.projects.create({ name: 'Empty' })
    for (const [path, words, action] of [
      ['/', /Drop a table, or a folder of images, here to begin/, null],
      ['/goals', /No goal yet/, /State a goal/],
      ['/goals/new', /needs data/, /Add data/],
      ['/datasets', /No data|data/, /Add data/],
      ['/recipes', /No recipe|recipe/, /recipe/],
      ['/weights', /weights/i, /Add weights/i],
      ['/training', /Nothing was trained yet/, /Train a model/],
      ['/training/new', /needs data/, /Add data/],
      ['/training/compare', /No run is chosen/, /Choose runs/],
      ['/models', /No model|model/, /Train/],
      ['/endpoints', /endpoint/i, /Deploy/],
      ['/endpoints/new', /no model to deploy/, /Train a model/],
      ['/transforms', /No table was predicted yet/, /Predict a table/],
      ['/transforms/new', /no model that could answer/, /Train a model/],
      ['/monitors', /monitor|watch/i, /Watch|Deploy/],
      ['/monitors/new', /no endpoint to watch/, /Deploy a model/],
      ['/loops', /No endpoint heals itself yet/, /New loop/],
      ['/loops/new', /no endpoint to look after/, /Deploy a model/],
      ['/jobs', /No job has been asked for yet/, null],
    ] as const) {
      await page.setViewportSize({ width: 1280, height: 800 })
      await page.goto(`${product.url}/p/${empty.id}${path}`)
      await settled(page)
      const main = page.getByRole('main')
      assert.match(await main.innerText(), words, path)
      if (action)
        assert.ok(
          await main
            .getByRole('link', { name: action })
            .or(main.getByRole('button', { name: action }))
            .count(),
          path,
        )
      if (path === '/' || path === '/training') assert.deepEqual(await faults(page), [], path)
    }
  })

  test('what is not there, or may not be seen, is said in one sentence', async () => {
    for (const path of [
      '/goals/none',
      '/datasets/none',
      '/recipes/none',
      '/training/runs/run_none',
      '/training/compare?runs=run_none,run_nowhere',
      '/models/none',
      '/models/compare?a=none:1&b=none:2',
      '/endpoints/none',
      '/monitors/none',
      '/loops/none',
      '/jobs/job_none',
    ]) {
      await page.goto(`${product.url}/p/${filled.project}${path}`)
      const alert = page.getByRole('main').getByRole('alert')
      await alert.waitFor()
      assert.match(await alert.innerText(), /no .*none/i, path)
    }
    await page.goto(`${product.url}/p/nowhere`)
    assert.match(await page.getByRole('main').getByRole('alert').innerText(), /no project.*nowhere/i)
    await page.goto(`${product.url}/p/${filled.project}/models/${filled.model}?version=99`)
    await page.getByText('There is no version 99').waitFor()
  })

  test('a server that fails is told on the page, and asked again at a press', async () => {
    for (const [path, call, there] of [
      ['/datasets', '**/v1/datasets?*', 'Customers'],
      ['/goals', '**/v1/goals?*', 'Find churners'],
      ['/training', '**/v1/runs?*', 'finished'],
      ['/jobs', '**/v1/jobs?*', 'succeeded'],
      ['/models', '**/v1/models?*', 'Churn'],
    ] as const) {
      let failing = true
      await page.route(call, (route) =>
        failing
          ? route.fulfill({
              status: 500,
              contentType: 'application/json',
              body: JSON.stringify({ error: { code: 'internal', message: 'The database is being restored.', facts: {} } }),
            })
          : route.fallback(),
      )
      await page.goto(`${product.url}/p/${filled.project}${path}`)
      const alert = page.getByRole('main').getByRole('alert').first()
      await alert.waitFor()
      assert.match(await alert.innerText(), /The database is being restored/, path)
      failing = false
      await alert.getByRole('button', { name: 'Try again' }).click()
      await page.getByRole('main').getByText(there, { exact: true }).first().waitFor()
      await page.unrouteAll()
    }
    watched.complaints.length = 0
  })

  test('keys: the palette finds nouns and actions, ? lists shortcuts, g and a letter go places', async () => {
    await page.setViewportSize({ width: 1280, height: 800 })
    await page.goto(`${product.url}/p/${filled.project}`)
    await settled(page)
    await page.keyboard.press('Control+k')
    const palette = page.getByRole('dialog', { name: 'Search and actions' })
    await palette.getByRole('combobox').fill('churn dr')
    await palette.getByRole('option', { name: /Churn drift/ }).waitFor()
    assert.deepEqual(await faults(page), [])
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Churn drift' }).waitFor()
    await page.keyboard.press('/')
    await palette.getByRole('combobox').fill('state a goal')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'State a goal' }).waitFor()
    await page.keyboard.press('?')
    const help = page.getByRole('dialog', { name: 'Keyboard shortcuts' })
    await help.getByText('Go to Data').waitFor()
    assert.deepEqual(await faults(page), [])
    await page.keyboard.press('Escape')
    await help.waitFor({ state: 'detached' })
    await page.keyboard.press('g')
    await page.keyboard.press('d')
    await page.getByRole('heading', { level: 1, name: 'Data' }).waitFor()
  })

  test('keys: Tab begins with the way past the navigation, goes in the order of the page, and each stop can be seen', async () => {
    await page.goto(`${product.url}/p/${filled.project}/datasets`)
    await settled(page)
    await page.keyboard.press('Tab')
    assert.equal(await focused(page), 'Skip to the content')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    const stops: string[] = []
    for (let at = 0; at < 6; at++) {
      stops.push(await focused(page))
      assert.ok(await focusIsVisible(page), `the focus on ${stops.at(-1)} can be seen`)
      await page.keyboard.press('Tab')
    }
    assert.equal(stops[0], 'Add data', stops.join(' · '))
    assert.ok(
      stops.some((stop) => stop.includes('Find data')),
      stops.join(' · '),
    )
    await page.getByRole('link', { name: 'Customers', exact: true }).focus()
    await page.keyboard.press('ArrowUp')
    assert.notEqual(await focused(page), 'Customers', 'arrows move between the rows of a list')
  })

  test('at 390 px the navigation folds away and comes back by its button', async () => {
    await page.setViewportSize({ width: 390, height: 844 })
    await page.goto(`${product.url}/p/${filled.project}`)
    await settled(page)
    const goals = page.getByRole('navigation', { name: 'Project' }).getByRole('link', { name: 'Goals' })
    assert.ok(!(await goals.isVisible()))
    await page.getByRole('button', { name: 'Open the navigation' }).click()
    await goals.click()
    await page.getByRole('heading', { level: 1, name: 'Goals' }).waitFor()
    await goals.waitFor({ state: 'hidden' })
    assert.deepEqual(watched.complaints, [])
  })

  async function open(place: Place): Promise<void> {
    await page.goto(product.url + place.path)
    await settled(page)
  }
})

/** What a person hears of the element in focus. */
const focused = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const element = document.activeElement as HTMLElement | null
    const field = element as HTMLInputElement | null
    return (element?.getAttribute('aria-label') || element?.innerText || field?.placeholder || element?.tagName || '').trim()
  })

const focusIsVisible = (page: Page): Promise<boolean> =>
  page.evaluate(() => {
    const element = document.activeElement
    if (!element) return false
    const shown = [element, element.parentElement!].some((one) => {
      const style = getComputedStyle(one)
      return style.outlineStyle !== 'none' && Number.parseFloat(style.outlineWidth) > 0
    })
    const { width, height } = element.getBoundingClientRect()
    return shown && width > 0 && height > 0
  })
