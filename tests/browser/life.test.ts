import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import type { Browser, Locator, Page } from 'playwright-core'
import { addTable, churnFile, shiftedMonth, train } from './fill.ts'
import { noBrowser, openBrowser, openPage, type Product, startProduct, type Watched } from './product.ts'

/** The whole life of a model as somebody lives it who has only the pages: each step goes on where the one before ended. */
describe('the life of a model, in the browser', { skip: noBrowser, timeout: 600_000 }, () => {
  let product: Product
  let browser: Browser
  let watched: Watched
  let page: Page
  let broken: string | null = null

  before(async () => {
    product = await startProduct()
    browser = await openBrowser()
    watched = await openPage(browser, { baseURL: product.url })
    page = watched.page
  })
  after(async () => {
    await browser?.close()
    await product?.stop()
  })

  const step = (name: string, work: () => Promise<void>) =>
    test(name, async (t) => {
      if (broken) return t.skip(`“${broken}” failed`)
      try {
        await work()
      } catch (error) {
        broken = name
        t.diagnostic(`at ${page.url()}: ${(await page.locator('body').innerText()).slice(-600)}`)
        throw error
      }
    })

  const button = (name: string | RegExp): Locator => page.getByRole('button', { name, exact: typeof name === 'string' })
  const link = (name: string | RegExp): Locator => page.getByRole('link', { name, exact: typeof name === 'string' })
  const heading = (name: string | RegExp): Locator => page.getByRole('heading', { name })
  const seen = (what: Locator, timeout = 20_000) => what.first().waitFor({ timeout })

  step('signs in by the link that the first start printed, which works once', async () => {
    await page.goto(product.signInLink)
    await page.waitForURL(/\/p\//)
    await seen(heading('Main'))
    const second = await openPage(browser)
    await second.page.goto(product.signInLink)
    await second.page.getByText('This link does not sign you in.').waitFor()
    await second.page.context().close()
  })

  step('a file dropped on any page is shown as it was read, and becomes data', async () => {
    await drop(page, 'mlc_churn.csv', await readFile(churnFile, 'utf8'))
    await seen(heading('How it is read'))
    assert.equal(await page.getByLabel('Type of total_day_minutes', { exact: true }).inputValue(), 'number')
    assert.equal(await page.getByLabel('Type of total_day_calls', { exact: true }).inputValue(), 'integer')
    assert.equal(await page.getByLabel('Type of state', { exact: true }).inputValue(), 'category')
    await page.getByLabel('Name', { exact: true }).fill('Customers')
    await page.getByLabel('Column to predict').selectOption('churn')
    await button('Add this data').click()
    await seen(page.getByRole('table', { name: /Rows/ }).getByText('area_code_415'))
    await seen(page.getByText('5,000 rows × 20'))
  })

  step('its profile says what is in each column', async () => {
    await link('Profile').click()
    await seen(heading('Classes of churn'), 60_000)
    await button(/^\S+ total_day_minutes$/).click()
    const panel = page.getByRole('dialog')
    await seen(panel.getByText('Median'))
    assert.match(page.url(), /column=total_day_minutes/, 'the column has its own address')
    await page.keyboard.press('Escape')
    await panel.waitFor({ state: 'detached' })
  })

  step('the dictionary keeps what a column means', async () => {
    await link('Dictionary').click()
    await page.getByLabel('Meaning of account_length').fill('Months since the contract began')
    await button('Save descriptions').click()
    await seen(page.getByText('The dictionary is saved.'))
    await page.reload()
    assert.equal(await page.getByLabel('Meaning of account_length').inputValue(), 'Months since the contract began')
  })

  step('a split seals its test rows and says what leaks', async () => {
    await link('Splits').click()
    await button('Make a split').click()
    await page.getByLabel('How', { exact: true }).selectOption('stratified')
    await page.getByRole('dialog').getByRole('button', { name: 'Make the split' }).click()
    await seen(page.getByText('No leak found'), 60_000)
    await seen(page.getByText('(sealed)'))
  })

  step('a goal states what is good enough and what errors cost', async () => {
    await link('State a goal').click()
    await page.getByLabel('The class that matters').waitFor()
    assert.equal(await page.getByLabel('The class that matters').inputValue(), 'yes', 'the rare class is offered')
    await page.getByLabel('At least').fill('0.995')
    await page.getByLabel('A false “yes”').fill('1')
    await page.getByLabel('A missed “yes”').fill('5')
    await page.getByLabel('Name', { exact: true }).fill('Find churners')
    await button('State this goal').click()
    await seen(heading('Find churners'))
    await seen(page.getByText('No model yet'))
    await seen(page.getByText('F1 of "churn" = "yes" at least 0.995; a missed "yes" costs 5 times a needless alarm.'))
  })

  step('a recipe shows the first rows as its steps make them, and names the step that cannot be', async () => {
    await page.getByRole('navigation', { name: 'Project' }).getByRole('link', { name: 'Recipes' }).click()
    await link('New recipe').first().click()
    await page.getByLabel('Name', { exact: true }).fill('Plain')
    await addStep(page, 'one-hot')
    await seen(page.getByText(/^19 columns before, \d\d+ after$/))
    await addStep(page, 'drop columns')
    await page.getByText('by name', { exact: true }).click()
    await page.getByLabel('Columns that earlier steps make').fill('no_such_column')
    await page.getByLabel('Columns that earlier steps make').blur()
    await seen(page.locator('li', { hasText: 'Drop columns' }).getByText('no_such_column', { exact: false }))
    await button('Remove step 2').click()
    await seen(page.getByText('The step is removed.'))
    await seen(page.getByText(/^19 columns before, \d\d+ after$/))
    await button('Save').click()
    await seen(page.getByText('revision 1'))
  })

  step('a training tells what it will take, shows its curves as they come, and what came of it', async () => {
    await page.getByRole('navigation', { name: 'Project' }).getByRole('link', { name: 'Goals' }).click()
    await link('Find churners').click()
    await link('Train for it').click()
    await page.getByLabel(/^Chosen by Atoll/).uncheck()
    await page.getByLabel(/^LightGBM/).check()
    await page.getByText('More choices').click()
    await page.getByLabel('Trials at most').fill('4')
    await page.getByLabel('Model name').fill('Churn model')
    await seen(
      page
        .getByText(/Time/)
        .locator('..')
        .getByText(/ to |not known/),
    )
    await button('Start training').click()
    await page.waitForURL(/\/jobs\//)
    await seen(page.getByRole('progressbar'))
    await seen(page.getByRole('figure', { name: /Loss while fitting/ }).or(page.getByText('Loss while fitting')), 120_000)
    assert.equal(await button('Cancel').count(), 1, 'the curve is there while the job still runs')
    await seen(page.getByText('no label differs'), 180_000)
    await seen(page.getByText('not met'))
  })

  step('its run keeps parameters, measures, environment and descent; two runs stand side by side', async () => {
    const job = page.url().split('/').at(-1)!
    const { run } = (await product.atoll.jobs.get(job)).result as { run: string }
    const { items } = await product.atoll.goals.list()
    const second = await train(product.atoll, {
      dataset: items[0]!.dataset,
      goal: items[0]!.id,
      model: 'Churn model',
      algorithms: ['decision_tree'],
      search: { strategy: 'none' },
    })
    await link('the run').click()
    await seen(page.getByRole('row', { name: /^test\.f1 / }))
    await link('Code and environment').click()
    await seen(page.getByText('"scikit-learn"'))
    await link('Lineage').click()
    await seen(page.getByText('Find churners'))
    await page.getByRole('navigation', { name: 'Project' }).getByRole('link', { name: 'Training' }).click()
    for (const id of [run, second.run])
      await page
        .getByRole('row')
        .filter({ has: page.locator(`a[href$="${id}"]`) })
        .getByRole('checkbox')
        .check()
    await link('Compare 2 runs').click()
    await seen(heading('Side by side'))
    await seen(page.getByRole('row', { name: /^algorithm .*lightgbm.*decision_tree|^algorithm .*decision_tree.*lightgbm/ }))
  })

  step('the model page moves its threshold by keys, opens the rows of a cell, and shows its proof', async () => {
    await page.goto(`${page.url().split('/training')[0]}/models/Churn%20model?version=1`)
    const handle = page.getByRole('slider', { name: 'Threshold' }).first()
    await handle.focus()
    const served = Number(await handle.getAttribute('aria-valuenow'))
    await page.keyboard.press('Shift+ArrowRight')
    assert.ok(Math.abs(Number(await handle.getAttribute('aria-valuenow')) - served - 0.05) < 0.006)
    await seen(page.getByText('tried out'))
    await button(/^Back to/).click()
    const cell = button(/^actual yes, predicted yes: \d+ rows/)
    const rows = /: (\d+) rows/.exec((await cell.textContent()) ?? '')![1]
    await cell.click()
    await seen(page.getByRole('dialog', { name: 'Actual yes, predicted yes' }).getByText(`${rows} rows`))
    await page.keyboard.press('Escape')
    await link('Proof').click()
    await seen(page.getByText(/no label differs/))
    await link('Card').click()
    await seen(page.getByRole('heading', { name: /Churn model/ }).nth(1))
    await link('Lineage').click()
    await seen(page.getByText('Plain').or(page.getByText('Customers v1')))
  })

  step('a model that misses the goal is not approved, but an administrator may override with a reason', async () => {
    await button('Promote').click()
    await page.getByRole('menuitem', { name: 'Approve' }).click()
    const panel = page.getByRole('dialog', { name: 'Promotion is refused' })
    await seen(panel.getByText(/goal/))
    assert.ok(await panel.getByRole('button', { name: 'Override the refusal' }).isDisabled())
    await panel.getByRole('textbox').fill('A pilot with the retention team, for two weeks.')
    await panel.getByRole('button', { name: 'Override the refusal' }).click()
    await panel.waitFor({ state: 'detached' })
    await seen(page.getByText('approved', { exact: true }))
    await link('Proof').click()
    await seen(page.getByText(/A pilot with the retention team/))
  })

  step('it is deployed and answers from a form made of its signature', async () => {
    await link('Deploy').click()
    await page.getByLabel('Name of the endpoint').fill('churn')
    await button('Deploy').click()
    await seen(heading('churn'))
    await seen(page.getByText('ready', { exact: true }), 60_000)
    await button('Predict').click()
    const answer = page.getByRole('status').filter({ hasText: 'churn =' })
    await seen(answer)
    await page.getByLabel('total_day_minutes').fill('340')
    await page.getByLabel('international_plan').selectOption('yes')
    await page.getByLabel('number_customer_service_calls').fill('7')
    await button('Predict').click()
    await seen(answer.getByText('yes', { exact: true }))
    await link('Captures').click()
    await seen(page.getByRole('row').nth(2))
  })

  step('a monitor says which columns of a shifted month have drifted', async () => {
    await link('Watch for drift').click()
    await page.getByLabel('Name', { exact: true }).fill('Churn drift')
    await button('Watch it').click()
    await seen(page.getByText('It has not looked yet'))
    await addTable(product.atoll, 'Shifted month', await shiftedMonth(), 'churn')
    await button('Run on a data set').click()
    const panel = page.getByRole('dialog')
    await panel.getByLabel('Rows that stand for now').selectOption({ label: 'Shifted month' })
    await panel.getByRole('button').last().click()
    await seen(page.getByText(/columns have drifted/), 60_000)
    await button('total_day_minutes').click()
    await seen(page.getByRole('heading', { name: 'total_day_minutes' }))
    await seen(page.getByRole('table', { name: 'Alerts' }).or(page.getByText('open', { exact: true })))
  })

  step('the jobs are all there, with what they took', async () => {
    await page.getByRole('complementary').getByRole('link', { name: 'Jobs' }).click()
    await seen(page.getByRole('row', { name: /Train .*succeeded/ }))
    await page.getByText('failed', { exact: true }).click()
    await seen(page.getByText('No job is failed'))
  })

  step('people, teams and tokens are made in the settings; a secret is shown once; the audit trail holds', async () => {
    await page.getByRole('navigation', { name: 'Project' }).getByRole('link', { name: 'Settings' }).click()
    const tabs = page.getByRole('navigation', { name: 'Settings' })
    await tabs.getByRole('link', { name: 'People' }).click()
    await page.getByLabel('Name', { exact: true }).fill('Ada Lovelace')
    await button('Invite').click()
    await seen(page.getByRole('region', { name: 'the sign-in link' }))
    const invited = await openPage(browser)
    await invited.page.goto((await page.getByRole('region', { name: 'the sign-in link' }).innerText()).trim())
    await invited.page.waitForURL(/\/p\/|\/$/)
    await invited.page.context().close()
    await tabs.getByRole('link', { name: 'Teams' }).click()
    await page.getByLabel('New team').fill('Retention')
    await button('Make it').click()
    await page.getByLabel('Add somebody to Retention').selectOption({ label: 'Ada Lovelace' })
    await seen(button('Take Ada Lovelace out of Retention'))
    await tabs.getByRole('link', { name: 'Tokens' }).click()
    await page.getByLabel('What for').fill('nightly export')
    await button('Make it').click()
    const secret = (await page.getByRole('region', { name: 'the token' }).innerText()).trim()
    const asked = await fetch(`${product.url}/v1/models`, { headers: { authorization: `Bearer ${secret}` } })
    assert.equal(asked.status, 200, 'the token works')
    await page.reload()
    await seen(page.getByRole('row', { name: /nightly export/ }))
    assert.ok(!(await page.content()).includes(secret), 'and is not shown again')
    await tabs.getByRole('link', { name: 'Audit' }).click()
    await button('Verify the chain').click()
    await seen(page.getByText('Intact'))
    await seen(page.getByRole('row', { name: /tokens?[.:]create/ }))
  })

  step('signing out ends the session', async () => {
    await button(/^Account of/).click()
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
    await seen(heading('Sign in to Atoll'))
    await page.goto(`${product.url}/`)
    await seen(heading('Sign in to Atoll'))
  })

  step('nothing on the way was an error of the pages themselves', async () => {
    assert.deepEqual(watched.complaints, [])
  })
})

/** What a browser sends when a file is let go over the page. */
async function drop(page: Page, name: string, text: string): Promise<void> {
  const dataTransfer = await page.evaluateHandle(
    ([file, content]) => {
      const transfer = new DataTransfer()
      transfer.items.add(new File([content!], file!, { type: 'text/csv' }))
      return transfer
    },
    [name, text],
  )
  for (const event of ['dragenter', 'dragover', 'drop']) await page.dispatchEvent('main', event, { dataTransfer })
}

async function addStep(page: Page, words: string): Promise<void> {
  await page.getByRole('button', { name: 'Add a step' }).click()
  await page.getByLabel('Find a step').fill(words)
  await page.locator('[role="group"] button').first().click()
}
