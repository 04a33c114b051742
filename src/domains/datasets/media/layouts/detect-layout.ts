import { invalidInput } from '../../../../kernel/errors.ts'
import { layCoco } from './coco.ts'
import { layFiles } from './files.ts'
import { layFolders } from './folders.ts'
import type { LaidOut, LayoutName, Survey } from './layout.ts'
import { layMasks } from './masks.ts'
import { layTable } from './table.ts'
import { layVoc } from './voc.ts'
import { layYolo } from './yolo.ts'

type Rule = (survey: Survey, options: { forced: boolean }) => LaidOut | null | Promise<LaidOut | null>

/** From the most telling to the least: the first that fits is taken. */
const rules: [LayoutName, Rule][] = [
  ['coco', layCoco],
  ['voc', layVoc],
  ['yolo', layYolo],
  ['table', layTable],
  ['masks', layMasks],
  ['folders', layFolders],
  ['files', layFiles],
]

/** How the files are laid out: as the person says, or the first way that fits. */
export async function layOut(survey: Survey, wish: { layout?: LayoutName }): Promise<LaidOut> {
  for (const [name, rule] of rules) {
    if (wish.layout !== undefined && wish.layout !== name) continue
    const laid = await rule(survey, { forced: wish.layout === name })
    if (laid) return laid
  }
  throw invalidInput(`These files are not laid out as "${wish.layout}". Leave the layout out to have it detected.`, {
    field: 'options.layout',
    layout: wish.layout,
  })
}

/** Every way that fits, each with its sentence, for whoever wants to correct. */
export async function layoutsOf(survey: Survey): Promise<{ layout: LayoutName; sentence: string }[]> {
  const fitting: { layout: LayoutName; sentence: string }[] = []
  for (const [layout, rule] of rules) {
    const laid = await Promise.resolve(rule(survey, { forced: true })).catch(() => null)
    if (laid) fitting.push({ layout, sentence: laid.sentence })
  }
  return fitting
}
