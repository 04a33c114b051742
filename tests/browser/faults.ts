import axe from 'axe-core'
import type { Page } from 'playwright-core'

/** What axe finds that is serious or worse, a line each: rule, where, what would help. */
export async function faults(page: Page, rules?: string[]): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe.source)
  await page.evaluate(atRest)
  return page.evaluate(async (only) => {
    const { axe: runner } = window as unknown as { axe: typeof import('axe-core') }
    const { violations } = await runner.run(document, {
      resultTypes: ['violations'],
      ...(only && { runOnly: { type: 'rule', values: only } }),
    })
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) =>
        nodes.slice(0, 4).map((node) => `${id} at ${node.target.join(' ')}: ${node.failureSummary?.replace(/\s+/g, ' ')}`),
      )
  }, rules)
}

/** Colours follow a change of appearance with the next frames, what lies deeper later: until three frames in a row move nothing. */
async function atRest(): Promise<void> {
  for (let still = 0, frames = 0; still < 3 && frames < 120; frames++) {
    await new Promise((done) => requestAnimationFrame(done))
    still = document.getAnimations().some((animation) => animation.playState === 'running') ? 0 : still + 1
  }
}

/** What sticks out of the window sideways; null when nothing does. */
export async function overflow(page: Page): Promise<string | null> {
  // Charts measure their place anew after the window has changed.
  await page
    .waitForFunction(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth, undefined, {
      timeout: 4000,
    })
    .catch(() => {})
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement
    if (scrollWidth <= clientWidth) return null
    const inside = (element: Element): boolean => {
      for (let at = element.parentElement; at && at !== document.body; at = at.parentElement)
        if (getComputedStyle(at).overflowX !== 'visible') return true
      return false
    }
    const out = [...document.body.querySelectorAll('*')].find(
      (element) => element.getBoundingClientRect().right > clientWidth + 1 && !inside(element),
    )
    return `${scrollWidth} px wide in ${clientWidth}: ${out?.outerHTML.slice(0, 200) ?? 'unknown'}`
  })
}
