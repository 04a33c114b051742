import { countOf, type LaidOut, type MediaWarning, quoted, type Survey } from './layout.ts'
import { partOf, partsColumn } from './parts.ts'

interface Placed {
  label: string | null
  part: string | null
}

/** Items in folders named after their class: `cats/1.jpg`, also below `train/` and `test/`. Null when the folders do not tell items apart. */
export function layFolders(survey: Survey, { forced = false } = {}): LaidOut | null {
  const { media, kind } = survey
  const folders = media.map(({ path }) => path.split('/').slice(0, -1))
  const partAt = partLevel(folders)
  const placed = folders.map((names): Placed => {
    const rest = names.filter((_, at) => at !== partAt)
    return { label: rest[0] ?? null, part: partAt === null ? null : partOf(names[partAt] ?? '') }
  })
  const counts = new Map<string, number>()
  for (const { label } of placed) if (label !== null) counts.set(label, (counts.get(label) ?? 0) + 1)
  const labelled = [...counts.values()].reduce((sum, n) => sum + n, 0)
  if (!forced && (counts.size < 2 || labelled < 0.5 * media.length)) return null
  if (counts.size === 0) return null
  const classes = [...counts.keys()].sort()
  const parts = partAt === null ? [] : [...new Set(placed.flatMap(({ part }) => part ?? []))].sort()
  return {
    layout: 'folders',
    media: kind,
    sentence: `${countOf(media.length, kind)} in ${classes.length} folder${classes.length === 1 ? '' : 's'} named after their class (${quoted(classes)})${
      parts.length > 0 ? `, divided by folders into ${parts.join(', ')}` : ''
    }.`,
    items: media,
    columns: [
      { name: 'label', type: 'category', values: placed.map(({ label }) => label) },
      ...partsColumn(placed.map(({ part }) => part)),
    ],
    target: 'label',
    warnings: [...classWarnings(counts, media.length), ...unlabelled(survey, placed)],
  }
}

/** The level at which every folder is called train, test or the like. */
function partLevel(folders: readonly string[][]): number | null {
  for (const level of [0, 1]) {
    const names = new Set(folders.filter((names) => names.length > level).map((names) => names[level]!))
    if (names.size > 0 && [...names].every((name) => partOf(name) !== null) && folders.some((names) => names.length > level))
      return level
  }
  return null
}

/** One class only, or classes with hardly an example. */
export function classWarnings(counts: ReadonlyMap<string, number>, rows: number): MediaWarning[] {
  const warnings: MediaWarning[] = []
  if (counts.size === 1) {
    const [only] = counts.keys()
    warnings.push({
      code: 'one_class',
      message: `Every item is of the one class "${only}": there is nothing to tell apart. Add a folder for each further class.`,
      facts: { class: only, rows },
    })
  }
  const rare = [...counts].filter(([, n]) => n < 5)
  if (counts.size > 1 && rare.length > 0)
    warnings.push({
      code: 'rare_class',
      message: `${rare.length === 1 ? 'The class' : `${rare.length} classes`} ${quoted(rare.map(([name]) => name))} ${rare.length === 1 ? 'has' : 'have'} fewer than 5 items: too few to learn and to judge.`,
      facts: { classes: Object.fromEntries(rare.slice(0, 50)) },
    })
  return warnings
}

function unlabelled({ media }: Survey, placed: readonly Placed[]): MediaWarning[] {
  const bare = media.filter((_, at) => placed[at]!.label === null)
  if (bare.length === 0) return []
  return [
    {
      code: 'no_label',
      message: `${bare.length} ${bare.length === 1 ? 'item is' : 'items are'} in no class folder and ${bare.length === 1 ? 'has' : 'have'} no label: ${quoted(bare.map(({ path }) => path))}.`,
      facts: { items: bare.slice(0, 50).map(({ path }) => path), count: bare.length },
    },
  ]
}
