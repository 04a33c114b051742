/**
 * Takes every page of the running product: fresh data folder, the churn life through the SDK, then each page at 1280 and 390 px, light and dark.
 *
 *     npm run screenshots                     into .screenshots/
 *     npm run screenshots -- --out DIR        elsewhere
 *     npm run screenshots -- --only model,data   pages whose name begins so
 *     npm run screenshots -- --docs           the chosen ones, into docs/images/
 *     npm run screenshots -- --url URL --token T --filled FILE   of a product that runs already (FILE as an earlier run left it)
 */
import { existsSync } from 'node:fs'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Page } from 'playwright-core'
import { runDemo } from '../sdk/src/cli/commands/demo.ts'
import type { Atoll } from '../sdk/src/index.ts'
import { createAtoll } from '../sdk/src/index.ts'
import { addTable, fillAround, train } from '../tests/browser/fill.ts'
import { type Filled, placesOf } from '../tests/browser/places.ts'
import { noBrowser, openBrowser, openSignedIn, type Product, root, settled, startProduct } from '../tests/browser/product.ts'

/** What the documentation shows, at 1280 px and light, down to a height that still says it. */
const chosen: Record<string, number> = {
  home: 820,
  'data-profile': 900,
  goal: 560,
  recipe: 900,
  'job-training': 1000,
  'runs-compared': 900,
  'model-performance': 1420,
  'model-proof': 700,
  'endpoint-try': 900,
  monitor: 1000,
}
/** What is done on a page before its picture is taken for the documentation. */
const prepare: Record<string, (page: Page) => Promise<void>> = {
  'endpoint-try': async (page) => {
    await page.getByLabel('total_day_minutes').fill('340')
    await page.getByLabel('total_day_charge').fill('57.8')
    await page.getByLabel('international_plan').selectOption('yes')
    await page.getByLabel('number_customer_service_calls').fill('5')
    await page.getByRole('button', { name: 'Predict' }).click()
    await page.getByText('there and back').waitFor()
    await page.evaluate(() => window.scrollTo(0, 0))
  },
}
const docsName: Record<string, string> = { 'model-performance': 'model' }

const forms = [1280, 390].flatMap((width) => (['light', 'dark'] as const).map((colorScheme) => ({ width, colorScheme })))

const { values: flags } = parseArgs({
  options: {
    out: { type: 'string', default: join(root, '.screenshots') },
    only: { type: 'string', default: '' },
    docs: { type: 'boolean', default: false },
    budget: { type: 'string', default: '60' },
    url: { type: 'string' },
    token: { type: 'string' },
    filled: { type: 'string' },
  },
})

if (noBrowser) throw new Error(noBrowser)
const product = flags.url ? runningProduct(flags.url, flags.token ?? '') : await startProduct()
try {
  const filled = flags.filled && existsSync(flags.filled) ? JSON.parse(await readFile(flags.filled, 'utf8')) : await fill(product)
  if (flags.filled) await writeFile(flags.filled, JSON.stringify(filled))
  await takeAll(product, filled)
} finally {
  await product.stop()
}

function runningProduct(url: string, token: string): Omit<Product, 'pid'> {
  return { url, token, atoll: createAtoll({ url, token }), signInLink: '', data: '', stop: async () => {} }
}

async function fill({ atoll, url }: Pick<Product, 'atoll' | 'url'>): Promise<Filled> {
  const { json } = await runDemo(atoll, { url, budgetSeconds: Number(flags.budget), staysUp: true })
  const filled = await fillAround(atoll, {
    dataset: 'Customers',
    goal: 'Find churners',
    model: json.model,
    endpoint: json.endpoint,
    monitor: 'Churn drift',
  })
  await missedGoal(atoll)
  return filled
}

/** A goal that a real table does not let anybody meet. */
async function missedGoal(atoll: Atoll): Promise<void> {
  const csv = await readFile(join(root, 'examples', 'telco', 'telco_churn.csv'), 'utf8')
  const dataset = await addTable(atoll, 'Telco customers', csv, 'churn')
  const goal = await atoll.goals.create({
    name: 'Keep telco customers',
    dataset,
    target: 'churn',
    positive: 'Yes',
    metric: 'f1',
    atLeast: 0.85,
  })
  await train(atoll, {
    dataset,
    goal: goal.id,
    model: 'Telco',
    algorithms: ['logistic_regression', 'lightgbm'],
    search: { strategy: 'none' },
  })
}

async function takeAll(product: Pick<Product, 'atoll' | 'url'>, filled: Filled): Promise<void> {
  const folder = flags.docs ? join(root, 'docs', 'images') : flags.out
  await mkdir(folder, { recursive: true })
  const places = placesOf(filled).filter(({ name }) =>
    flags.docs ? name in chosen : flags.only.split(',').some((start) => name.startsWith(start)),
  )
  const browser = await openBrowser()
  try {
    for (const { width, colorScheme } of flags.docs ? forms.slice(0, 1) : forms) {
      const { page } = await openSignedIn(browser, product, {
        viewport: { width, height: width === 390 ? 844 : 900 },
        colorScheme,
        isMobile: width === 390,
      })
      for (const { name, path } of places) {
        if (flags.docs) await page.setViewportSize({ width, height: chosen[name]! })
        await page.goto(product.url + path)
        await settled(page)
        if (flags.docs) await prepare[name]?.(page)
        const file = flags.docs ? `${docsName[name] ?? name}.png` : `${name}.${width}.${colorScheme}.png`
        // A panel covers the window, not the page.
        const whole = !flags.docs && (await page.locator('[role="dialog"]').count()) === 0
        await page.screenshot({ path: join(folder, file), fullPage: whole, animations: 'disabled' })
        const kilobytes = Math.round((await stat(join(folder, file))).size / 1024)
        process.stdout.write(`${file}${flags.docs && kilobytes > 200 ? ` is large: ${kilobytes} KB` : ''}\n`)
      }
      await page.context().close()
    }
  } finally {
    await browser.close()
  }
}
