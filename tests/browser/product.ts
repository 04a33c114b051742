import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { type Atoll, createAtoll } from '../../sdk/src/index.ts'

export const root = join(import.meta.dirname, '..', '..')
const browserPath = process.env.CHROMIUM ?? '/usr/bin/chromium'

/** Why no browser test can run here; false when they can. */
export const noBrowser: string | false = existsSync(browserPath)
  ? false
  : `There is no Chromium at ${browserPath}; CHROMIUM names another.`

/** The product as people run it: its own process, a fresh data folder, the pages as they were built. */
export interface Product {
  url: string
  token: string
  atoll: Atoll
  /** The one-time link of the first start. */
  signInLink: string
  data: string
  /** Of the server's process. */
  pid: number
  stop(): Promise<void>
}

export async function startProduct(): Promise<Product> {
  if (!existsSync(join(root, 'web', 'dist', 'index.html')))
    throw new Error('The web pages are not built: npm run build makes web/dist.')
  const folder = await mkdtemp(join(tmpdir(), 'atoll-browser-'))
  const data = join(folder, 'data')
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(root, 'src', 'main.ts'), 'up', '--json', '--port', '0', '--data', data],
    { env: { ...process.env, ATOLL_LOG: 'error' }, stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const { url, token } = await firstLine(child)
  return {
    url,
    token,
    atoll: createAtoll({ url, token }),
    signInLink: (await readFile(join(data, 'sign-in-link.txt'), 'utf8')).trim(),
    data,
    pid: child.pid!,
    async stop() {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      if (child.exitCode === null && child.kill('SIGTERM')) await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function firstLine(child: ChildProcess): Promise<{ url: string; token: string }> {
  for await (const line of createInterface({ input: child.stdout! })) return JSON.parse(line)
  throw new Error('The server ended before it was ready.')
}

export const openBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: browserPath,
    // Chromium's own sandbox does not start as root, nor where user namespaces are closed.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--force-color-profile=srgb', '--font-render-hinting=none'],
  })

/** What a page said that no page should say: uncaught errors, errors on the console. */
export interface Watched {
  page: Page
  complaints: string[]
}

/** A page in a browser of its own that nobody has signed in to. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    reducedMotion: 'reduce',
    colorScheme: 'light',
    locale: 'en-GB',
    timezoneId: 'UTC',
    ...options,
  })
  context.setDefaultTimeout(20_000)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error.stack ?? error.message}`))
  page.on('console', (message) => {
    // A refused request is told on the page; the browser adds its own line for each.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      complaints.push(`${page.url()}: ${message.text()}`)
  })
  return { page, complaints }
}

/** A page that a new link of the administrator has signed in. */
export async function openSignedIn(
  browser: Browser,
  product: Pick<Product, 'url' | 'atoll'>,
  options: BrowserContextOptions = {},
): Promise<Watched> {
  const watched = await openPage(browser, { baseURL: product.url, ...options })
  const { user } = await product.atoll.session.get()
  const { link } = await product.atoll.users.signInLink(user!.id)
  await watched.page.goto(`${product.url}/sign-in#link=${link}`)
  await watched.page.getByRole('heading', { level: 1 }).first().waitFor()
  await watched.page.waitForURL(/\/p\//)
  return watched
}

/** Waits until a page has what it asked for: a heading, and for a moment no grey block. */
export async function settled(page: Page): Promise<void> {
  await page.evaluate(() => {
    delete (window as unknown as { calmSince?: number }).calmSince
  })
  await page.waitForFunction(
    () => {
      const now = performance.now()
      const clock = window as unknown as { calmSince?: number }
      const busy = !document.querySelector('h1') || document.querySelector('.skeleton, main [role="status"].sr-only')
      if (busy) clock.calmSince = undefined
      else clock.calmSince ??= now
      return clock.calmSince !== undefined && now - clock.calmSince > 250
    },
    undefined,
    { timeout: 20_000, polling: 50 },
  )
}
